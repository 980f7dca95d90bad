// `dync-server config import`: the configuration of the original server as one of ours.

import { open, unlink } from "node:fs/promises";
import { resolve } from "node:path";
import { DyncError, systemCode } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { sharedOptions } from "../args.ts";
import { defineCommand } from "../command.ts";
import { throwFaults } from "../command-line-error.ts";
import { printable } from "../printable.ts";
import { readSettingsFile } from "../settings-file.ts";
import { fileError } from "./configuration-files.ts";
import { configImportUsage } from "./usage-config.ts";

const fileBytesMax = 1024 * 1024;
const someLost = 1;

export const configImportCommand = defineCommand({
  name: "config import",
  usage: configImportUsage,
  options: {
    ...sharedOptions,
    output: { type: "string" },
    file: { type: "positional", required: true },
  },
  async run({ output: target, file }, { output }) {
    const path = resolve(file);
    const content = readSettingsFile(path, fileBytesMax);
    if (content === null)
      throw new DyncError("configuration", printable(`There is no configuration file ${path}`));
    // What reads YAML is much, and no other command wants it.
    const { importOriginal } = await import("../../config/original/import-original.ts");
    const imported = importOriginal(content.text);
    throwFaults(imported.faults.map((it) => fileError(path, it)));
    const { toml, notes } = imported;
    if (target === undefined) output.text(toml.trimEnd());
    else await writeNew(resolve(target), toml);
    for (const note of notes) {
      const { message } = fileError(path, { ...note, text: note.isLoss ? `lost: ${note.text}` : note.text });
      if (note.isLoss) output.warn(message);
      else output.say(message);
    }
    return notes.some((it) => it.isLoss) ? someLost : 0;
  },
});

/** Writes a file that is not there yet; throws `DyncError` ("configuration") where it is, or cannot be. */
async function writeNew(path: string, text: string): Promise<void> {
  try {
    const handle = await open(path, "wx");
    try {
      await handle.writeFile(text);
      await handle.sync();
    } catch (error) {
      // Half of it would be read as all of it.
      await unlink(path);
      throw error;
    } finally {
      await handle.close();
    }
  } catch (error) {
    const reason = systemCode(error) === "EEXIST" ? "it is there already" : whyUnreadable(error);
    throw new DyncError("configuration", printable(`Cannot write ${path}: ${reason}`), { cause: error });
  }
}
