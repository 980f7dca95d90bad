// Which folders are being taken away, in `DYNC_HOME/taking/`: before the first file of a dataset goes, it is written down what was proved
// of it. What a crash leaves is known by that for a part of something that the server has, and no run of its own; what is still as it was
// proved can go on, if the server proves its own once more.

import { readdirSync } from "node:fs";
import { mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import * as v from "valibot";
import { DyncError, messageOf, systemCode } from "../../base/error.ts";
import { jsonValue } from "../../base/json-text.ts";
import { placeOf } from "../../base/path-place.ts";
import { sha256Hex } from "../../base/sha256-hex.ts";
import { syncFolder } from "../../base/write-whole.ts";
import type { Listing } from "../listing/listing.ts";
import { type EntryVersion, entryVersionOf } from "../listing/versions.ts";
import type { FoundItem } from "../listing/walk.ts";

const headSchema = v.object({
  schema: v.literal(1),
  /** Absolute. */
  path: v.string(),
  /** The server's id of the upload. */
  id: v.string(),
  /** The digest of the list of its files, lower-case hex. */
  files: v.string(),
});
const lineSchema = v.tuple([v.string(), v.nullable(v.string())]);

const linesPerWrite = 2000;

/** What was proved of a folder before it began to go. */
export class Taking {
  readonly id: string;
  readonly files: string;
  /** Versions of files by their path in it; `null`: it is a folder. */
  readonly #items: ReadonlyMap<string, string | null>;

  constructor({ id, files }: Pick<Taking, "id" | "files">, items: ReadonlyMap<string, string | null>) {
    this.id = id;
    this.files = files;
    this.#items = items;
  }

  /**
   * Whether something is still what was proved. Where it `isMoved`, when a name of it changed says nothing: a file gets a second one before it
   * loses the first, and its content is compared then.
   */
  has({ type, path, stats }: Pick<FoundItem, "type" | "path" | "stats">, isMoved: boolean): boolean {
    const known = this.#items.get(path);
    if (known === undefined || (known === null) !== (type === "folder")) return false;
    return (
      known === null || this.#isSame(known, versionText(Number(stats.size), entryVersionOf(stats)), isMoved)
    );
  }

  #isSame(known: string, now: string, isMoved: boolean): boolean {
    const part = (text: string): string => (isMoved ? text.slice(text.indexOf(" ")) : text);
    return part(known) === part(now);
  }
}

export class Takings {
  readonly #folder: string;

  /** `home` is the DYNC_HOME folder. */
  constructor(home: string) {
    this.#folder = join(home, "taking");
  }

  /** Writes down, durably, that the folder of `listing` begins to go. Rejects with `DyncError`: then nothing may go. */
  async begin({ folder: path, tar, versions }: Listing, id: string, files: string): Promise<void> {
    const file = this.#fileOf(path);
    try {
      await mkdir(this.#folder, { recursive: true, mode: 0o700 });
      const handle = await open(`${file}.new`, "w", 0o600);
      try {
        let text = `${JSON.stringify({ schema: 1, path, id, files })}\n`;
        for (let index = 0; index < tar.count; index++) {
          const version = tar.isFolder(index) ? null : versionText(tar.size(index), versions.at(index));
          text += `${JSON.stringify([tar.path(index), version])}\n`;
          if (index % linesPerWrite !== 0) continue;
          await handle.write(text);
          text = "";
        }
        await handle.write(text);
        await handle.sync();
      } finally {
        await handle.close();
      }
      await rename(`${file}.new`, file);
      await syncFolder(this.#folder);
    } catch (cause) {
      const hint = "what goes has to be written down first: a crash would leave a part that nobody knows";
      throw new DyncError("failed", `Cannot write to ${this.#folder}: ${messageOf(cause)}`, { cause, hint });
    }
  }

  /** Nothing of it is left that is known, or nothing is to go. */
  async end(path: string): Promise<void> {
    // What cannot be removed is known to be nothing of what is there by then.
    await rm(this.#fileOf(path), { force: true }).catch(() => {});
  }

  /** What was proved of the folder at `path` (absolute) before it began to go; `null`: it did not, or nobody knows. */
  async find(path: string): Promise<Taking | null> {
    let lines: readonly string[];
    try {
      lines = (await readFile(this.#fileOf(path), "utf8")).split("\n");
    } catch (cause) {
      if (systemCode(cause) === "ENOENT" || systemCode(cause) === "ENOTDIR") return null;
      throw new DyncError("configuration", `Cannot read ${this.#fileOf(path)}: ${messageOf(cause)}`, {
        cause,
      });
    }
    const head = v.safeParse(headSchema, jsonValue(lines[0] ?? ""));
    if (!head.success || placeOf(resolve(head.output.path)) !== placeOf(resolve(path))) return null;
    const items = new Map<string, string | null>();
    for (const line of lines.slice(1)) {
      const item = v.safeParse(lineSchema, jsonValue(line));
      if (item.success) items.set(...item.output);
    }
    return new Taking(head.output, items);
  }

  /** Stands for each folder that began to go: `nameOf` says for which. */
  get names(): ReadonlySet<string> {
    try {
      return new Set(readdirSync(this.#folder));
    } catch {
      return new Set();
    }
  }

  /** What stands for the folder at `path` (absolute) in `names`. */
  nameOf(path: string): string {
    return `${sha256Hex(placeOf(resolve(path))).slice(0, 32)}.jsonl`;
  }

  #fileOf(path: string): string {
    return join(this.#folder, this.nameOf(path));
  }
}

/** The time of change comes first: it is what moves with a second name. */
function versionText(size: number, { modified, changed, inode }: EntryVersion): string {
  return `${changed} ${modified} ${inode} ${size}`;
}
