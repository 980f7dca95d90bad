// What clients of several servers sent and were told is stored, and whether it lies in the object store as it was sent, once, with what describes it.

import { expect } from "bun:test";
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import type { ProgramEnd } from "../support/programs.ts";
import type { SendOptions, ServerPair } from "../support/server-pair.ts";
import type { MadeOnce } from "./made-once.ts";
import type { Course, UploadTime } from "./sent-again.ts";

/** Where what a user sends goes. */
export const ownFolder = "lab/alice";

/** How something is sent. */
export interface Sending extends SendOptions {
  /** By which way its client comes to the servers. */
  readonly lane: number;
  /** Of `dync`, behind the server's. */
  readonly args: readonly string[];
}

/** What is sent, and where. */
export interface Run {
  readonly pair: ServerPair;
  readonly sent: Sent;
  readonly course: Course;
  readonly made: MadeOnce;
  readonly random: () => number;
  /** The lane of clients that want a name that others want. */
  readonly rivalLane: number;
  readonly send: (sending: Sending) => Promise<ProgramEnd>;
  /** How many bytes clients have sent by a lane. */
  readonly bytesIn: (lane: number) => Promise<number>;
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

interface Confirmed extends Sending {
  readonly name: string;
  readonly kind: UploadTime["kind"];
  readonly bytes: number;
}

/** Sends what has to be confirmed whatever happens meanwhile, and notes what that cost. */
async function expectConfirmed(run: Run, { name, kind, bytes, ...sending }: Confirmed): Promise<void> {
  const { course, made, pair, sent } = run;
  const { lane } = sending;
  const [from, before] = [systemClock.now(), await run.bytesIn(lane)];
  expect(await run.send(sending)).toMatchObject({ code: 0 });
  const to = systemClock.now();
  const wireBytes = (await run.bytesIn(lane)) - before;
  course.uploads.push({ name, kind, bytes, wireBytes, from, to });
  sent.bytes += bytes;
  await made.look(pair, `${ownFolder}/${name}`);
}

/** Sends a file of so many bytes by its path, or as a stream whose length nobody knows. */
export async function sendFile(
  run: Run,
  lane: number,
  { name, kind, bytes }: Pick<Confirmed, "name" | "bytes"> & { readonly kind: "file" | "stream" },
): Promise<void> {
  const path = await run.pair.file(name, bytes);
  const file = { name, kind, bytes, lane };
  if (kind === "file") await expectConfirmed(run, { ...file, args: [path] });
  else await expectConfirmed(run, { ...file, args: ["-n", name], stdin: Bun.file(path).stream() });
  const sha256 = sha256Of(await readFile(path));
  run.sent.add(name, sha256, [[name, sha256]]);
  await run.pair.forget(path);
}

/** The same of a folder with files of these sizes, as a dataset. */
export async function sendFolder(
  run: Run,
  lane: number,
  name: string,
  sizes: readonly number[],
): Promise<void> {
  const folder = run.pair.folder.file(name);
  await mkdir(join(folder, "below"), { recursive: true });
  const files: [string, string][] = [];
  for (const [at, bytes] of sizes.entries()) {
    const key = join(name, at % 2 === 0 ? "below" : "", `${String(at).padStart(3, "0")}.raw`);
    files.push([key, sha256Of(await readFile(await run.pair.file(key, bytes)))]);
  }
  const bytes = sizes.reduce((sum, size) => sum + size, 0);
  await expectConfirmed(run, { name, kind: "dataset", bytes, lane, args: ["--dataset", folder] });
  run.sent.add(
    name,
    null,
    files.sort(([a], [b]) => (a < b ? -1 : 1)),
  );
  await run.pair.forget(folder);
}

/** All that was `sent` is in the store, and nothing else; and so says the catalogue, which has these `others` by their names as well. */
export async function expectAllThere(
  { pair, sent }: Run,
  others: ReadonlyMap<string, { readonly sha256: string }>,
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
