// What is sent of a run that is still being written, in the order of the stream: a file that only grows, a line of JSON for each member,
// written and durable before anything of it is sent. From it a later process makes the same tar again, whatever became of the files since.
// In memory it takes some hundred bytes for each path that is there.

import { createReadStream } from "node:fs";
import { type FileHandle, mkdir, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { messageOf, systemCode } from "../../base/error.ts";
import { timestampOf } from "../../base/timestamp.ts";
import { syncFolder } from "../../base/write-whole.ts";
import { VirtualTar } from "../../tar/virtual-tar.ts";
import { type EntryVersion, Versions } from "../listing/versions.ts";
import { CannotGoOn } from "../source.ts";
import type { LiveStep } from "./feed.ts";

const numberText = v.pipe(v.string(), v.regex(/^-?\d{1,20}$/));
const count = v.pipe(v.number(), v.integer(), v.minValue(0));

const lineSchema = v.union([
  v.object({
    file: v.string(),
    size: count,
    // Nanoseconds since 1970.
    modified: numberText,
    changed: numberText,
    inode: numberText,
    executable: v.optional(v.literal(true)),
  }),
  v.object({ folder: v.string(), modified: numberText }),
  v.object({ removed: v.string() }),
  /** What is sent of the member with this index, from 0, is not what it was meant to be. */
  v.object({ spoiled: count }),
  v.object({ end: v.literal(true) }),
  /** SHA-256 of the whole stream, which is `size` bytes long. */
  v.object({ sha256: v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/)), size: count }),
]);
type Line = v.InferOutput<typeof lineSchema>;

const schemaLine = JSON.stringify({ schema: 1 });

/** A file as it goes into the plan. */
export interface PlannedFile extends EntryVersion {
  readonly path: string;
  readonly size: number;
  readonly executable: boolean;
}

export class LivePlan {
  readonly folder: string;
  readonly tar = new VirtualTar();
  readonly versions = new Versions();
  /** All files that are read together lie on the run's own file system, as far as anybody needs to know. */
  readonly isOnOneDevice = false;
  /** Members of which something else was sent than they are. */
  readonly spoiled = new Set<number>();
  readonly #handle: FileHandle;
  /** The last member of each path that is there, without those that were removed. */
  readonly #there = new Map<string, number>();
  #lines: string[] = [];
  #isEnded = false;
  #whole: { readonly size: number; readonly sha256: string } | null = null;

  private constructor(folder: string, handle: FileHandle) {
    this.folder = folder;
    this.#handle = handle;
  }

  /** Opens the plan of the run in `folder` that is written down in `file`, or begins one. Rejects with `CannotGoOn` where it is none. */
  static async open(folder: string, file: string): Promise<LivePlan> {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const handle = await open(file, "a", 0o600);
    const plan = new LivePlan(folder, handle);
    try {
      const end = await plan.#readLines(file);
      await handle.truncate(end);
      if (end === 0) {
        await handle.appendFile(`${schemaLine}\n`);
        await handle.datasync();
        await syncFolder(dirname(file));
      }
      return plan;
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** Takes what is there. Resolves to where the last whole line ends: behind that is what a crash left. */
  async #readLines(file: string): Promise<number> {
    let end = 0;
    let rest = Buffer.alloc(0);
    for await (const piece of createReadStream(file) as AsyncIterable<Buffer>) {
      rest = Buffer.concat([rest, piece]);
      let from = 0;
      for (let to = rest.indexOf("\n"); to >= 0; to = rest.indexOf("\n", from)) {
        this.#readLine(rest.toString("utf8", from, to), end + from === 0);
        from = to + 1;
      }
      end += from;
      rest = rest.subarray(from);
    }
    return end;
  }

  #readLine(text: string, isFirst: boolean): void {
    if (isFirst && text === schemaLine) return;
    if (isFirst)
      throw new CannotGoOn("What was written down of its files is of another version of the program");
    try {
      this.#take(v.parse(lineSchema, JSON.parse(text)));
    } catch (error) {
      const text = `What was written down of its files is damaged: ${messageOf(error)}`;
      throw new CannotGoOn(text, { cause: error });
    }
  }

  #take(line: Line): void {
    if ("spoiled" in line) this.#spoil(line.spoiled);
    else if ("end" in line) this.#isEnded = true;
    else if ("sha256" in line) this.#whole = line;
    else this.#takeStep(line);
  }

  #takeStep(line: Exclude<Line, { spoiled: number } | { end: true } | { sha256: string }>): void {
    this.#reopen();
    if ("removed" in line) {
      this.tar.append({ type: "removed", path: line.removed });
      this.versions.push({ modified: 0n, changed: 0n, inode: 0n });
      this.#forget(line.removed);
    } else if ("folder" in line) {
      const modified = BigInt(line.modified);
      this.tar.append({
        path: line.folder,
        type: "folder",
        size: 0,
        modified: timestampOf(modified),
        executable: false,
      });
      this.versions.push({ modified, changed: 0n, inode: 0n });
      this.#there.set(line.folder, this.tar.count - 1);
    } else {
      const { file: path, size, executable = false } = line;
      const modified = BigInt(line.modified);
      this.tar.append({ path, type: "file", size, modified: timestampOf(modified), executable });
      this.versions.push({ modified, changed: BigInt(line.changed), inode: BigInt(line.inode) });
      this.#there.set(path, this.tar.count - 1);
    }
  }

  #forget(path: string): void {
    const isFolder = this.tar.isFolder(this.#there.get(path) ?? 0) || !this.#there.has(path);
    this.#there.delete(path);
    if (!isFolder) return;
    for (const below of this.#there.keys()) if (below.startsWith(`${path}/`)) this.#there.delete(below);
  }

  #spoil(index: number): void {
    this.spoiled.add(index);
    if (this.counts(index)) this.#reopen();
  }

  /** What follows makes the end one that was none. */
  #reopen(): void {
    this.#isEnded = false;
    this.#whole = null;
  }

  /** Whether the stream ends behind the members that are there now. */
  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** What the whole stream is, where all of it was read. */
  get whole(): { readonly size: number; readonly sha256: string } | null {
    return this.#whole;
  }

  /** Where the member with this `path` is, as people read it. */
  at(path: string): string {
    return join(this.folder, path);
  }

  /** All steps so far, in their order. */
  *steps(): Generator<LiveStep> {
    for (let index = 0; index < this.tar.count; index++) {
      const path = this.tar.path(index);
      const { modified, inode } = this.versions.at(index);
      if (this.tar.isRemoval(index)) yield { kind: "removed", path };
      else if (this.tar.isFolder(index))
        yield { kind: "member", path, entry: { type: "folder", modified: String(modified) } };
      else {
        const { size, executable } = this.tar.member(index);
        const entry = {
          type: "file",
          size,
          modified: String(modified),
          executable,
          fileId: String(inode),
        } as const;
        yield { kind: "member", path, entry };
      }
    }
  }

  /** Paths that are there, and which member each is. */
  members(): Iterable<readonly [path: string, index: number]> {
    return this.#there;
  }

  /** Whether a member of this path is there, or something below it. */
  has(path: string): boolean {
    if (this.#there.has(path)) return true;
    for (const other of this.#there.keys()) if (other.startsWith(`${path}/`)) return true;
    return false;
  }

  /** Whether the member with this index counts: none came later in its place, and it was not removed. */
  counts(index: number): boolean {
    return this.#there.get(this.tar.path(index)) === index;
  }

  // What follows is there for a later process when `write` resolved.

  addFile({ path, size, executable, modified, changed, inode }: PlannedFile): void {
    this.#add({
      file: path,
      size,
      modified: String(modified),
      changed: String(changed),
      inode: String(inode),
      ...(executable ? { executable } : {}),
    });
  }

  addFolder(path: string, modified: string): void {
    this.#add({ folder: path, modified });
  }

  addRemoval(path: string): void {
    this.#add({ removed: path });
  }

  addSpoiled(index: number): void {
    this.#add({ spoiled: index });
  }

  addEnd(): void {
    this.#add({ end: true });
  }

  addWhole(size: number, sha256: string): void {
    this.#add({ sha256, size });
  }

  #add(line: Line): void {
    this.#take(line);
    this.#lines.push(JSON.stringify(line));
  }

  /** Makes durable what was added. Throws the system's error; then the plan is of no use any more. */
  async write(): Promise<void> {
    if (this.#lines.length === 0) return;
    const text = `${this.#lines.join("\n")}\n`;
    this.#lines = [];
    await this.#handle.appendFile(text);
    await this.#handle.datasync();
  }

  async close(): Promise<void> {
    try {
      await this.write();
    } catch (error) {
      // What a full disk does not take any more was not sent, either.
      if (systemCode(error) === null) throw error;
    }
    await this.#handle.close();
  }
}
