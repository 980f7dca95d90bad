// The key files of one server that shares them with others: what lies in its folder, and what was the same everywhere when that was looked at last.

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { fileNameFault } from "../base/file-name.ts";
import type { Logger } from "../base/log.ts";
import { replaceFile } from "../base/replace-file.ts";
import { certificateBytesMax, parseCertificate } from "./certificate.ts";
import { FolderFault, listKeyFolder, userOfFile } from "./key-folder.ts";
import type { KeyTexts } from "./merge-keys.ts";

const stateSchema = v.object({ version: v.number(), files: v.record(v.string(), v.string()) });

/** What was the same everywhere. */
export interface KnownSame {
  readonly version: number;
  readonly texts: KeyTexts;
}

export class SharedKeyFolder {
  readonly #folder: string;
  readonly #stateFile: string;
  readonly #log: Logger;
  readonly #warned = new Set<string>();

  /** `folder` is that of `AuthorizedClients`, `stateFile` where it is remembered what was the same. */
  constructor(folder: string, stateFile: string, log: Logger) {
    this.#folder = folder;
    this.#stateFile = stateFile;
    this.#log = log;
  }

  /** Key files as they lie there; those that are none, or hold a secret, are not shared. `null`: the folder cannot be read. */
  read(): KeyTexts | null {
    try {
      const listed = listKeyFolder(this.#folder).filter(({ fault }) => fault === null);
      return new Map(listed.flatMap(({ name }) => this.#textOf(name)));
    } catch (error) {
      if (error instanceof FolderFault) return null;
      throw error;
    }
  }

  #textOf(name: string): readonly (readonly [string, string])[] {
    try {
      const text = readFileSync(join(this.#folder, name), "utf8");
      return isKeyFile(name, text) ? [[name, text]] : [];
    } catch (error) {
      // It is going, or being written, and comes with the next look.
      if (systemCode(error) === null) throw error;
      return [];
    }
  }

  /** Writes and removes files as others did. Returns the names of those that are no keys, and were not written. Throws what the system says. */
  take(write: KeyTexts, remove: readonly string[]): readonly string[] {
    const left: string[] = [];
    for (const [name, text] of write) {
      if (!isKeyFile(name, text)) {
        if (!this.#warned.has(name))
          this.#log.log("warn", "A key file that other servers share is none", { file: name });
        this.#warned.add(name);
        left.push(name);
        continue;
      }
      // Who reads the folder passes over what is hidden.
      const written = join(this.#folder, `.${name}.new`);
      writeFileSync(written, text, { mode: 0o644 });
      renameSync(written, join(this.#folder, name));
    }
    for (const name of remove) rmSync(join(this.#folder, name), { force: true });
    return left;
  }

  /** What was the same when that was looked at last. */
  same(): KnownSame {
    try {
      const parsed = v.parse(stateSchema, JSON.parse(readFileSync(this.#stateFile, "utf8")));
      return { version: parsed.version, texts: new Map(Object.entries(parsed.files)) };
    } catch (error) {
      if (systemCode(error) === "ENOENT") return { version: 0, texts: new Map() };
      const hint = "remove it: all keys that lie here, and all that are shared, count then";
      throw new DyncError("configuration", `${this.#stateFile} cannot be read: ${messageOf(error)}`, {
        hint,
      });
    }
  }

  remember({ version, texts }: KnownSame): void {
    replaceFile(this.#stateFile, `${JSON.stringify({ version, files: Object.fromEntries(texts) })}\n`);
  }
}

/** Whether `text` is a public key that somebody may be let in by, in a file of that name. */
function isKeyFile(name: string, text: string): boolean {
  if (!name.endsWith(".key") || fileNameFault(name) !== null || fileNameFault(userOfFile(name)) !== null)
    return false;
  if (Buffer.byteLength(text) > certificateBytesMax) return false;
  try {
    return parseCertificate(text, name).secretKey === null;
  } catch (error) {
    if (error instanceof DyncError) return false;
    throw error;
  }
}
