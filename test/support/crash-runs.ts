// A server that dies at the Nth call which changes its files: what it shows at that moment, and what becomes of the
// upload after a restart. The proof that every prefix of the calls of an upload is either resumable or finished.

import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { type Confirmed, expectAftermath, sha256OfFile } from "./aftermath.ts";
import { type Lab, openLab } from "./lab.ts";
import type { Program } from "./programs.ts";
import { datasetSubject, fileSubject, type Subject, type SubjectMaker } from "./sent-dataset.ts";
import { countedCalls, crashCommand } from "./system-calls.ts";

const KiB = 1024;
const serverArgs = ["--chunk", String(64 * KiB), "--window", "4"];
/** What is sent unless something else is said. */
const file = fileSubject(200 * KiB);
/** Some files, of which two come twice. */
export const smallDataset = datasetSubject({ files: 14, bytesMax: 60 * KiB, seed: 4 });
const endMs = 120_000;

export interface CrashRunResult {
  readonly crashes: number;
  /** The call that was not made any more, for each crash, without the parts of paths that are random. */
  readonly calls: readonly string[];
  /** Longest time from a restart to the end of the client. */
  readonly secondsMax: number;
}

/**
 * One upload for each of `places`, during which the server dies before its Nth change; then a restart, without or
 * with a crash at its own Nth change. Ends early when an upload has fewer calls than asked for.
 */
export async function runCrashes(
  places: Iterable<readonly [number, number?]>,
  make: SubjectMaker = file,
): Promise<CrashRunResult> {
  await using lab = await openLab({ inMemory: true, server: serverArgs });
  const subject = await make(lab);
  const confirmed = new Map<string, string>();
  const calls: string[] = [];
  let secondsMax = 0;
  for (const place of places) {
    const name = `crash-${confirmed.size}.raw`;
    const crash = await crashOnce(lab, subject, name, place);
    confirmed.set(name, subject.path);
    if (crash === null) break;
    calls.push(crash.call);
    secondsMax = Math.max(secondsMax, Math.round(crash.seconds * 10) / 10);
  }
  // The tracer of the last one still counts.
  await lab.server.stop();
  await lab.start(serverArgs);
  await expectAllStored(lab, subject, confirmed);
  return { crashes: calls.length, calls, secondsMax };
}

/** The calls of one undisturbed upload, in their order. */
export async function recordCalls(make: SubjectMaker = file): Promise<readonly string[]> {
  await using lab = await openLab({ inMemory: true, server: serverArgs });
  const subject = await make(lab);
  const log = lab.folder.file("calls");
  await lab.server.stop();
  await lab.start(serverArgs, { under: crashCommand({ folder: lab.data, at: 0, log }) });
  await using client = startSend(lab, subject, "recorded.raw");
  expect(await client.ended(endMs)).toMatchObject({ code: 0, stderr: "" });
  await lab.server.kill();
  return countedCalls(log).map(withoutIds);
}

function startSend(lab: Lab, { words }: Subject, name: string): Program {
  const args = words(name, `127.0.0.1:${lab.port}`);
  return lab.startDync(["-q", "-k", "sample:S-17", "--retry-for", "2m", ...args]);
}

async function crashOnce(
  lab: Lab,
  subject: Subject,
  name: string,
  [first, second]: readonly [number, number?],
): Promise<{ call: string; seconds: number } | null> {
  const log = lab.folder.file(`calls-${first}`);
  await lab.server.stop();
  await lab.start(serverArgs, { under: crashCommand({ folder: lab.data, at: first, log }) });
  await using client = startSend(lab, subject, name);
  const ended = await Promise.race([lab.server.ended(), client.ended()]);
  const isHit = ended.signal === "SIGKILL";
  if (isHit) {
    await expectNothingHalf(lab, name, subject);
    if (second !== undefined) await crashInRecovery(lab, second);
    await expectNothingHalf(lab, name, subject);
    await lab.start(serverArgs);
  }
  const restartedAt = systemClock.now();
  const end = await client.ended(endMs);
  expect({ first, second, ...end }).toMatchObject({ first, second, code: 0, stderr: "" });
  const seconds = (systemClock.now() - restartedAt) / 1000;
  return isHit ? { call: withoutIds(countedCalls(log).at(-1) ?? ""), seconds } : null;
}

async function crashInRecovery(lab: Lab, at: number): Promise<void> {
  const log = lab.folder.file("calls-of-recovery");
  const under = crashCommand({ folder: lab.data, at, log, fromStart: true });
  // It may die before it listens, or have nothing more to do.
  await lab.start(serverArgs, { under }).catch(() => {});
  await lab.server.kill();
}

async function expectAllStored(lab: Lab, { dataset }: Subject, confirmed: Confirmed): Promise<void> {
  if (dataset === null) return await expectAftermath(lab, confirmed);
  await expectAftermath(lab, confirmed, () => dataset.expectAll(lab, [...confirmed.keys()]));
}

/** Under its final name there is all of it with its description, or nothing. */
async function expectNothingHalf(lab: Lab, name: string, { path, dataset }: Subject): Promise<void> {
  if (!existsSync(lab.stored(name))) return;
  if (dataset !== null) return await dataset.expectStored(lab, name);
  const wanted = await sha256OfFile(path);
  expect({ name, sha256: await sha256OfFile(lab.stored(name)) }).toEqual({ name, sha256: wanted });
  expect(await Bun.file(`${lab.stored(name)}.sha256`).text()).toBe(`${wanted}  ${name}\n`);
  expect(await lab.metadata(name)).toEqual({ sample: "S-17" });
}

function withoutIds(call: string): string {
  return call.replace(/[0-9a-f]{32}/, "ID").replace(/(recorded|crash-\d+)\.raw/, "NAME");
}

/** One upload for each N up to `placesMax`, whose Nth call, when it is a write, writes a few bytes only. */
export async function runShortWrites(
  placesMax: number,
  make: SubjectMaker = file,
): Promise<{ writes: number; places: number }> {
  await using lab = await openLab({ inMemory: true, server: serverArgs });
  const subject = await make(lab);
  const confirmed = new Map<string, string>();
  let writes = 0;
  let places = 0;
  for (let at = 1; at <= placesMax; at++) {
    const name = `short-${at}.raw`;
    const log = lab.folder.file(`calls-${at}`);
    await lab.server.stop();
    await lab.start(serverArgs, { under: crashCommand({ folder: lab.data, at, log, shortenTo: 100 }) });
    await using client = startSend(lab, subject, name);
    expect({ name, ...(await client.ended(endMs)) }).toMatchObject({ name, code: 0, stderr: "" });
    confirmed.set(name, subject.path);
    const calls = countedCalls(log);
    if (calls.length < at) break;
    if (/^p?write/.test(calls[at - 1] as string)) writes++;
    places++;
  }
  await lab.server.stop();
  await lab.start(serverArgs);
  await expectAllStored(lab, subject, confirmed);
  return { writes, places };
}
