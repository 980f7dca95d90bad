// A dataset for runs with the compiled programs, and how it is told that it is stored: compared with what GNU tar makes of it.

import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { encodeMember } from "../../src/tar/header.ts";
import { blockBytes } from "../../src/tar/member.ts";
import { Random } from "../simulation/random.ts";
import type { Lab } from "./lab.ts";
import { runProgram } from "./programs.ts";
import { runTar, type TreeEntry, treeIn, unpack } from "./tar-programs.ts";

/** Sizes of its files, in bytes: mixed, as runs are. */
export interface DatasetOptions {
  readonly files: number;
  readonly bytesMax: number;
  readonly seed: number;
}

export class SentDataset {
  /**
   * All of it as one tar, in which some members come twice: the second ones are the folder's. Some are taken out again, one of which
   * comes once more.
   */
  readonly tar: string;
  readonly #tree: readonly TreeEntry[];

  private constructor(tar: string, tree: readonly TreeEntry[]) {
    this.tar = tar;
    this.#tree = tree;
  }

  /** Makes one in the lab's folder. */
  static async make(lab: Lab, { files, bytesMax, seed }: DatasetOptions): Promise<SentDataset> {
    const random = new Random(seed);
    const folder = lab.folder.file("files", `dataset-${seed}`);
    const tar = `${folder}.tar`;
    await mkdir(join(folder, "empty"), { recursive: true });
    const write = async (path: string): Promise<void> => {
      await mkdir(dirname(join(folder, path)), { recursive: true });
      // Many small ones, and a few large.
      const length = Math.floor(bytesMax * random.next() ** 6);
      await writeFile(join(folder, path), noise(length, random));
    };
    const paths = Array.from({ length: files }, (_, index) => `part ${index % 7}/größe-${index}.raw`);
    const again = paths.filter((_, index) => index % 9 === 4);
    for (const path of paths) await write(path);
    await runTar(["tar", "--format=pax", "-cf", tar, "-C", folder, "."]);
    for (const path of again) await write(path);
    if (again.length > 0) await runTar(["tar", "--format=pax", "-rf", tar, "-C", folder, ...again]);
    const check = `${folder}-unpacked`;
    const tree = await unpack("GNU tar", tar, check);
    await rm(check, { recursive: true });
    const [removed = ""] = paths;
    for (const path of ["scratch/a", "scratch/deep/b"]) await write(path);
    await runTar(["tar", "--format=pax", "-rf", tar, "-C", folder, "scratch"]);
    await takeOut(tar, ["scratch/deep", "scratch", removed]);
    await runTar(["tar", "--format=pax", "-rf", tar, "-C", folder, removed]);
    return new SentDataset(tar, tree);
  }

  /** `name` is stored whole, with both texts beside it. */
  async expectStored(lab: Lab, name: string): Promise<void> {
    expect({ name, tree: (await treeIn(lab.stored(name))).map(inMicroseconds) }).toEqual({
      name,
      tree: this.#tree.map(inMicroseconds),
    });
    const command = ["sha256sum", "--strict", "--quiet", "-c", `${name}.sha256`];
    expect(await runProgram(command, { cwd: lab.stored("") })).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect(await lab.metadata(name)).toEqual({ sample: "S-17" });
  }

  /** All of these names are stored whole, and nothing else is. */
  async expectAll(lab: Lab, names: readonly string[]): Promise<void> {
    for (const name of names) await this.expectStored(lab, name);
    const expected = names.flatMap((name) => [name, `${name}.meta.json`, `${name}.sha256`]);
    const found = readdirSync(lab.stored("")).filter((name) => !name.startsWith("honest-"));
    expect(found.sort()).toEqual(expected.sort());
  }
}

/** Puts it at the end of a tar that what is at `paths` goes again. */
async function takeOut(tar: string, paths: readonly string[]): Promise<void> {
  const bytes = await readFile(tar);
  let end = bytes.length;
  while (bytes.subarray(end - blockBytes, end).every((byte) => byte === 0)) end -= blockBytes;
  const removals = paths.map((path) => encodeMember({ type: "removed", path }));
  await writeFile(tar, Buffer.concat([bytes.subarray(0, end), ...removals, Buffer.alloc(2 * blockBytes)]));
}

// The runtimes take times to a quarter of a microsecond.
function inMicroseconds({ modified, ...entry }: TreeEntry): object {
  return { ...entry, modified: modified?.slice(0, "2026-01-01T00:00:00.000".length) };
}

/** Bytes of which no part is like another. */
function noise(length: number, random: Random): Uint8Array {
  const bytes = Buffer.alloc(length);
  for (let at = 0, block = random.int(2 ** 30); at < length; at += 32, block++)
    createHash("sha256").update(String(block)).digest().copy(bytes, at);
  return bytes;
}

/** What is sent again and again, under a name of its own each time. */
export interface Subject {
  /** The file. */
  readonly path: string;
  /** What is in it, where it is a tar to be unpacked. */
  readonly dataset: SentDataset | null;
  /** The words of a command that sends it as `name`, but for metadata and options. */
  words(name: string, server: string): readonly string[];
}

export type SubjectMaker = (lab: Lab) => Promise<Subject>;

/** One file of so many bytes. */
export function fileSubject(bytes: number): SubjectMaker {
  return async (lab) => {
    const path = await lab.file("source.raw", bytes);
    return { path, dataset: null, words: (name, server) => ["-n", name, server, path] };
  };
}

/** A dataset, as the tar that it is. */
export function datasetSubject(options: DatasetOptions): SubjectMaker {
  return async (lab) => {
    const dataset = await SentDataset.make(lab, options);
    const path = dataset.tar;
    return { path, dataset, words: (name, server) => ["--unpack", "-n", `${name}.tar`, server, path] };
  };
}
