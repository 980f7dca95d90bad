// Runs that are sent while they are written, by the client's own code to a real server.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { appendFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { signsOf } from "../support/live/tree-follower.ts";
import { jsonLines, type Program, startProgram } from "../support/programs.ts";

const sender = join(import.meta.dir, "..", "support", "live", "send-live.ts");

function startLive(lab: Lab, folder: string, name: string): Program {
  return startProgram([process.execPath, sender, lab.homes.client, String(lab.port), folder, name]);
}

/** Every file with its content's checksum, and every folder; with `hasTimes` also when each was modified. */
async function treeOf(folder: string, hasTimes = false): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const tree: [string, string][] = [];
  for (const entry of entries) {
    const at = join(entry.parentPath, entry.name);
    const { mtimeNs, mode } = await stat(at, { bigint: true });
    const content = entry.isDirectory()
      ? "folder"
      : createHash("sha256")
          .update(await readFile(at))
          .digest("hex");
    const isExecutable = entry.isFile() && (mode & 0o100n) !== 0n;
    tree.push([at.slice(folder.length + 1), `${content} ${isExecutable} ${hasTimes ? mtimeNs : ""}`]);
  }
  return Object.fromEntries(tree.sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** What was published as `name` is the folder, and is what a usual upload of it is. */
async function expectSame(lab: Lab, folder: string, name: string): Promise<void> {
  expect(await treeOf(lab.stored(name))).toEqual(await treeOf(folder));
  const usual = `${name}-usual`;
  expect(await lab.send(["--dataset", "-n", usual, folder])).toMatchObject({ code: 0 });
  // Times as the server's runtime sets them, which is not quite to the nanosecond.
  expect(await treeOf(lab.stored(name), true)).toEqual(await treeOf(lab.stored(usual), true));
  const listOf = async (of: string): Promise<string> =>
    (await readFile(`${lab.stored(of)}.sha256`, "utf8")).replaceAll(`  ${of}/`, "  ");
  expect(await listOf(name)).toBe(await listOf(usual));
}

describe.skipIf(executablesMissing !== null)(
  `a run that is sent while it is written (${executablesMissing ?? "compiled"})`,
  () => {
    test("is published as it is at its end, and nothing of it before", async () => {
      await using lab = await openLab({ inMemory: true });
      const folder = lab.folder.file("files", "run");
      await mkdir(join(folder, "deep"), { recursive: true });
      await writeFile(join(folder, "first.raw"), "first".repeat(1000));
      await writeFile(join(folder, "passing.tmp"), "for a moment");
      await using program = startLive(lab, folder, "run");
      await lab.server.line(/"Upload started"/);
      await writeFile(join(folder, "deep", "second.raw"), "second".repeat(100_000));
      await appendFile(join(folder, "first.raw"), "and more");
      await rm(join(folder, "passing.tmp"));
      await writeFile(join(folder, "third"), "");
      lab.expectNothingStored("run");
      await writeFile(signsOf(folder).end, "");
      const end = await program.ended();
      expect(jsonLines(end.stdout)).toContainEqual({ receipt: expect.objectContaining({ unpacked: true }) });
      await expectSame(lab, folder, "run");
    });
  },
);
