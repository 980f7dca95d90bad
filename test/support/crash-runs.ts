// A server that dies at the Nth call which changes its files: what it shows at that moment, and what becomes of the
// upload after a restart. The proof that every prefix of the calls of an upload is either resumable or finished.

import { expect } from "bun:test";
import { existsSync } from "node:fs";
import { systemClock } from "../../src/base/clock.ts";
import { expectAftermath, sha256OfFile } from "./aftermath.ts";
import { type Lab, openLab } from "./lab.ts";
import { countedCalls, crashCommand } from "./system-calls.ts";

const KiB = 1024;
const serverArgs = ["--chunk", String(64 * KiB), "--window", "4"];
const fileBytes = 200 * KiB;
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
export async function runCrashes(places: Iterable<readonly [number, number?]>): Promise<CrashRunResult> {
  await using lab = await openLab({ inMemory: true, server: serverArgs });
  const path = await lab.file("source.raw", fileBytes);
  const confirmed = new Map<string, string>();
  const calls: string[] = [];
  let secondsMax = 0;
  for (const [first, second] of places) {
    const name = `crash-${confirmed.size}.raw`;
    const crash = await crashOnce(lab, path, name, first, second);
    confirmed.set(name, path);
    if (crash === null) break;
    calls.push(crash.call);
    secondsMax = Math.max(secondsMax, Math.round(crash.seconds * 10) / 10);
  }
  // The tracer of the last one still counts.
  await lab.server.stop();
  await lab.start(serverArgs);
  await expectAftermath(lab, confirmed);
  return { crashes: calls.length, calls, secondsMax };
}

/** The calls of one undisturbed upload, in their order. */
export async function recordCalls(): Promise<readonly string[]> {
  await using lab = await openLab({ inMemory: true, server: serverArgs });
  const path = await lab.file("source.raw", fileBytes);
  const log = lab.folder.file("calls");
  await lab.server.stop();
  await lab.start(serverArgs, { under: crashCommand({ folder: lab.data, at: 0, log }) });
  expect(await lab.send(["-q", path])).toMatchObject({ code: 0, stderr: "" });
  await lab.server.kill();
  return countedCalls(log).map(withoutIds);
}

async function crashOnce(
  lab: Lab,
  path: string,
  name: string,
  first: number,
  second?: number,
): Promise<{ call: string; seconds: number } | null> {
  const log = lab.folder.file(`calls-${first}`);
  await lab.server.stop();
  await lab.start(serverArgs, { under: crashCommand({ folder: lab.data, at: first, log }) });
  await using client = lab.startSend(["-q", "--retry-for", "2m", "-n", name, path]);
  const ended = await Promise.race([lab.server.ended(), client.ended()]);
  const isHit = ended.signal === "SIGKILL";
  if (isHit) {
    await expectNothingHalf(lab, name, path);
    if (second !== undefined) await crashInRecovery(lab, second);
    await expectNothingHalf(lab, name, path);
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

/** Under its final name there is the whole file with its description, or nothing. */
async function expectNothingHalf(lab: Lab, name: string, path: string): Promise<void> {
  if (!existsSync(lab.stored(name))) return;
  const wanted = await sha256OfFile(path);
  expect({ name, sha256: await sha256OfFile(lab.stored(name)) }).toEqual({ name, sha256: wanted });
  expect(await Bun.file(`${lab.stored(name)}.sha256`).text()).toBe(`${wanted}  ${name}\n`);
  expect(await lab.metadata(name)).toEqual({ sample: "S-17" });
}

function withoutIds(call: string): string {
  return call.replace(/[0-9a-f]{32}/, "ID").replace(/(source|crash-\d+)\.raw/, "NAME");
}

/** One upload for each N up to `placesMax`, whose Nth call, when it is a write, writes a few bytes only. */
export async function runShortWrites(placesMax: number): Promise<{ writes: number; places: number }> {
  await using lab = await openLab({ inMemory: true, server: serverArgs });
  const path = await lab.file("source.raw", fileBytes);
  const confirmed = new Map<string, string>();
  let writes = 0;
  let places = 0;
  for (let at = 1; at <= placesMax; at++) {
    const name = `short-${at}.raw`;
    const log = lab.folder.file(`calls-${at}`);
    await lab.server.stop();
    await lab.start(serverArgs, { under: crashCommand({ folder: lab.data, at, log, shortenTo: 100 }) });
    expect({ name, ...(await lab.send(["-q", "-n", name, path])) }).toMatchObject({
      name,
      code: 0,
      stderr: "",
    });
    confirmed.set(name, path);
    const calls = countedCalls(log);
    if (calls.length < at) break;
    if (/^p?write/.test(calls[at - 1] as string)) writes++;
    places++;
  }
  await lab.server.stop();
  await lab.start(serverArgs);
  await expectAftermath(lab, confirmed);
  return { writes, places };
}
