// What clients of several servers sent and were told is stored, and whether it lies in the object store as it was sent, once, with what describes it.

import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ServerPair } from "../support/server-pair.ts";

/** Where what a user sends goes. */
export const ownFolder = "lab/alice";

/** An upload, and how it is sent. */
export interface Upload {
  readonly name: string;
  readonly kind: "file" | "dataset" | "stream";
  readonly bytes: number;
  /** Of `dync`, behind the server's. */
  readonly args: readonly string[];
}

/** Who sends, and what was confirmed. */
export interface Sender {
  readonly pair: ServerPair;
  readonly sent: Sent;
  /** Has it sent and confirmed, whatever happens meanwhile. */
  readonly confirm: (upload: Upload) => Promise<void>;
}

/** What was confirmed. */
export class Sent {
  /** SHA-256 of each file that is an upload, by its name; of a dataset `null`. */
  readonly uploads = new Map<string, string | null>();
  /** What has to be in the store but for metadata: SHA-256 of each object, by its key below the user's. */
  readonly objects = new Map<string, string>();
  /** Of all files together. */
  bytes = 0;

  /** `files` of the upload `name`, `bytes` in all: their keys in order, each with its SHA-256. */
  add(
    name: string,
    sha256: string | null,
    files: readonly (readonly [key: string, sha256: string])[],
    bytes: number,
  ): void {
    this.bytes += bytes;
    this.uploads.set(name, sha256);
    for (const [key, sum] of files) this.objects.set(key, sum);
    const list = files.map(([key, sum]) => `${sum}  ${key}\n`).join("");
    this.objects.set(`${name}.sha256`, sha256Of(list));
  }
}

/** Sends a file of so many bytes by its path, or as a stream whose length nobody knows. */
export async function sendFile(
  { pair, sent, confirm }: Sender,
  { name, kind, bytes }: Pick<Upload, "name" | "bytes"> & { readonly kind: "file" | "stream" },
): Promise<void> {
  const path = await pair.file(name, bytes);
  const file = { name, kind, bytes };
  // By a pipe: standard input that is a file would be taken as that.
  const args = kind === "file" ? [path] : ["-n", name, "--stdin-from-command", "--", "cat", path];
  await confirm({ ...file, args });
  const sha256 = sha256Of(await readFile(path));
  sent.add(name, sha256, [[name, sha256]], bytes);
  await pair.forget(path);
}

/** The same of a folder with files of these sizes, as a dataset. */
export async function sendFolder(
  { pair, sent, confirm }: Sender,
  name: string,
  sizes: readonly number[],
): Promise<void> {
  const folder = pair.folder.file(name);
  await mkdir(join(folder, "below"), { recursive: true });
  const files: [string, string][] = [];
  for (const [at, bytes] of sizes.entries()) {
    const key = join(name, at % 2 === 0 ? "below" : "", `${String(at).padStart(3, "0")}.raw`);
    files.push([key, sha256Of(await readFile(await pair.file(key, bytes)))]);
  }
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  await confirm({ name, kind: "dataset", bytes, args: ["--dataset", folder] });
  const sorted = files.sort(([a], [b]) => (a < b ? -1 : 1));
  sent.add(name, null, sorted, bytes);
  await pair.forget(folder);
}

/** All that was `sent` is in the store, and nothing else; and so says the catalogue, which has these `others` by their names as well. */
export async function expectAllThere(
  { pair, sent }: Pick<Sender, "pair" | "sent">,
  others: ReadonlyMap<string, { readonly sha256: string }> = new Map(),
): Promise<void> {
  for (const [key, sha256] of sent.objects)
    expect([key, sha256Of((await pair.bucket.bytes(`${ownFolder}/${key}`)) ?? "")]).toEqual([key, sha256]);
  for (const name of sent.uploads.keys()) {
    const metadata = await pair.bucket.text(`${ownFolder}/${name}.meta.json`);
    expect([name, JSON.parse(metadata ?? "null")]).toMatchObject([name, { sample: "S-17" }]);
  }
  expect(await pair.bucket.keys(`${ownFolder}/`)).toHaveLength(sent.objects.size + sent.uploads.size);
  const rows = await pair.rows("SELECT name, state, sha256 FROM dync.uploads WHERE state <> 'failed'");
  expect(rows.filter(({ state }) => state !== "finished")).toEqual([]);
  expect(rows.map(({ name }) => name).sort()).toEqual([...sent.uploads.keys(), ...others.keys()].sort());
  for (const { name, sha256 } of rows) {
    const wanted = sent.uploads.get(name as string) ?? others.get(name as string)?.sha256;
    if (wanted !== undefined) expect([name, sha256]).toEqual([name, wanted]);
  }
}

export function sha256Of(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
