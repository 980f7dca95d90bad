// What clients of several servers sent and were told is stored, and whether it lies in the object store as it was sent, once, with what describes it.

import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ProgramEnd } from "../support/programs.ts";
import type { ServerPair } from "../support/server-pair.ts";

/** What is sent, and where. */
export interface Run {
  readonly pair: ServerPair;
  readonly sent: Sent;
  /** Runs `dync` with these arguments after the server's. */
  readonly send: (args: readonly string[]) => Promise<ProgramEnd>;
}

/** What was confirmed. */
export class Sent {
  /** SHA-256 of each file that is an upload, by its name; of a dataset `null`. */
  readonly uploads = new Map<string, string | null>();
  /** What has to be in the store but for metadata: SHA-256 of each object, by its key below the user's. */
  readonly objects = new Map<string, string>();
  /** Of all files together. */
  bytes = 0;

  /** `files` of the upload `name`: their keys in order, each with its SHA-256. */
  add(name: string, sha256: string | null, files: readonly (readonly [key: string, sha256: string])[]): void {
    this.uploads.set(name, sha256);
    for (const [key, sum] of files) this.objects.set(key, sum);
    const list = files.map(([key, sum]) => `${sum}  ${key}\n`).join("");
    this.objects.set(`${name}.sha256`, sha256Of(list));
  }
}

/** Sends a file of so many bytes, which has to be stored whatever happens meanwhile. */
export async function sendFile(run: Run, name: string, bytes: number): Promise<void> {
  const path = await run.pair.file(name, bytes);
  expect(await run.send([path])).toMatchObject({ code: 0 });
  const sha256 = sha256Of(await readFile(path));
  run.sent.add(name, sha256, [[name, sha256]]);
  run.sent.bytes += bytes;
  await run.pair.forget(path);
}

/** The same of a folder with files of these sizes, as a dataset. */
export async function sendFolder(run: Run, name: string, sizes: readonly number[]): Promise<void> {
  const folder = run.pair.folder.file(name);
  await mkdir(join(folder, "below"), { recursive: true });
  const files: [string, string][] = [];
  for (const [at, bytes] of sizes.entries()) {
    const key = join(name, at % 2 === 0 ? "below" : "", `${String(at).padStart(3, "0")}.raw`);
    files.push([key, sha256Of(await readFile(await run.pair.file(key, bytes)))]);
    run.sent.bytes += bytes;
  }
  expect(await run.send(["--dataset", folder])).toMatchObject({ code: 0 });
  run.sent.add(
    name,
    null,
    files.sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  await run.pair.forget(folder);
}

/** All that was `sent` is in the store, and nothing else; and so says the catalogue. */
export async function expectAllThere(pair: ServerPair, sent: Sent): Promise<void> {
  for (const [key, sha256] of sent.objects)
    expect([key, sha256Of((await pair.bucket.bytes(`lab/alice/${key}`)) ?? "")]).toEqual([key, sha256]);
  for (const name of sent.uploads.keys()) {
    const metadata = await pair.bucket.text(`lab/alice/${name}.meta.json`);
    expect([name, JSON.parse(metadata ?? "null")]).toMatchObject([name, { sample: "S-17" }]);
  }
  expect(await pair.bucket.keys("lab/alice/")).toHaveLength(sent.objects.size + sent.uploads.size);
  const rows = await pair.rows("SELECT name, state, sha256 FROM dync.uploads WHERE state <> 'failed'");
  expect(rows.filter(({ state }) => state !== "finished")).toEqual([]);
  expect(rows.map(({ name }) => name).sort()).toEqual([...sent.uploads.keys()].sort());
  for (const { name, sha256 } of rows) {
    const wanted = sent.uploads.get(name as string);
    if (wanted !== null) expect([name, sha256]).toEqual([name, wanted]);
  }
}

function sha256Of(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}
