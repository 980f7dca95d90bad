// Uploads while system calls of one side fail: the Nth of each kind, for N counted up until no call is hit any more.
// Whatever the upload came to, the server lives, nothing unconfirmed is visible, and the same command then succeeds.

import { expect } from "bun:test";
import { existsSync, globSync, mkdirSync, readdirSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expectAftermath, expectConfirmed, expectDatasets } from "./aftermath.ts";
import { type Lab, openLab } from "./lab.ts";
import { type Program, startProgram } from "./programs.ts";
import { inject, injectCommand, injected } from "./system-calls.ts";
import { treeIn } from "./tar-programs.ts";

export interface InjectionOptions {
  /** Calls of the kernel, as strace names them. */
  readonly calls: string;
  /** As strace writes it: `error=EIO`, `signal=SIGKILL`. */
  readonly fault: string;
  /** The Nth call alone, or that and all after it. */
  readonly persistent?: boolean;
  readonly nMax: number;
  /** What is sent: a file by default. */
  readonly sends?: "file" | "dataset";
}

export interface InjectionResult {
  runs: number;
  hits: number;
  /** How often the first command ended with each exit status. */
  codes: Record<string, number>;
}

const KiB = 1024;
const serverArgs = ["--chunk", String(64 * KiB), "--window", "8", "--threads", "2"];
const fileBytes = 500 * KiB;
const endMs = 90_000;

/** What is sent, and how it is told that it is stored. */
interface Subject {
  readonly path: string;
  /** Options of the command that sends it. */
  readonly options: readonly string[];
  expectStored(lab: Lab, name: string): Promise<void>;
  readonly expectAll: typeof expectConfirmed;
}

async function fileOf(lab: Lab): Promise<Subject> {
  const path = await lab.file("source.raw", fileBytes);
  return {
    path,
    options: [],
    expectStored: (_, name) => lab.expectStored(path, name),
    expectAll: expectConfirmed,
  };
}

/** A dozen files, of which one needs several chunks and one has nothing in it, in folders of which one is empty. */
async function datasetOf(lab: Lab): Promise<Subject> {
  const path = lab.folder.file("files", "run42");
  for (const folder of ["images", "empty"]) mkdirSync(join(path, folder), { recursive: true });
  for (let index = 0; index < 10; index++)
    writeFileSync(join(path, "images", `${index} ü.tif`), `${index}`.repeat(9_000));
  writeFileSync(join(path, "run.xml"), "");
  await lab.file("run42/big.raw", fileBytes / 2);
  // Folders behind what is in them. The runtimes take times to a quarter of a microsecond.
  const paths = readdirSync(path, { recursive: true, encoding: "utf8" }).sort().reverse();
  for (const [index, it] of [...paths, "."].entries())
    utimesSync(join(path, it), 1.6e9 + index, 1.6e9 + index);
  const expectStored = async (_: Lab, name: string): Promise<void> => {
    expect({ name, tree: await treeIn(lab.stored(name)) }).toEqual({ name, tree: await treeIn(path) });
  };
  return { path, options: ["--dataset"], expectStored, expectAll: expectDatasets };
}

/** Makes calls of a running server fail, from the moment that it listens. */
export async function runServerFaults(options: InjectionOptions): Promise<InjectionResult> {
  return await runFaults(options, async (lab, name, subject, rule, log) => {
    const injection = await inject(lab.server.pid, rule, log);
    // A server that cannot write now says so, and the client does not wait for better times.
    await using client = lab.startSend(["-q", "--retry-for", "10s", ...sending(subject, name)]);
    const { code } = await client.ended(endMs);
    const hits = await injection.end();
    expect({ rule, isRunning: lab.server.running }).toEqual({ rule, isRunning: true });
    return { code, hits };
  });
}

/** Makes calls of clients fail, from their start. */
export async function runClientFaults(options: InjectionOptions): Promise<InjectionResult> {
  return await runFaults(options, async (lab, name, subject, rule, log) => {
    await using client = startTraced(lab, name, subject, rule, log);
    const { code } = await client.ended(endMs);
    return { code, hits: injected(log) };
  });
}

type Attempt = (
  lab: Lab,
  name: string,
  subject: Subject,
  rule: string,
  log: string,
) => Promise<{ code: number | null; hits: number }>;

async function runFaults(options: InjectionOptions, attempt: Attempt): Promise<InjectionResult> {
  await using lab = await openLab({ inMemory: true, server: serverArgs });
  const subject = options.sends === "dataset" ? await datasetOf(lab) : await fileOf(lab);
  const confirmed = new Map<string, string>();
  const result: InjectionResult = { runs: 0, hits: 0, codes: {} };
  for (let n = 1; n <= options.nMax; n++) {
    const name = `fault-${n}`;
    const rule = `${options.calls}:${options.fault}:when=${n}${options.persistent === true ? "+" : ""}`;
    const attempted = await attempt(lab, name, subject, rule, lab.folder.file(`trace-${n}`));
    const { code } = attempted;
    // strace does not write down the call that a signal ended.
    const hits = attempted.hits + (code === null ? 1 : 0);
    result.runs++;
    result.hits += hits;
    result.codes[String(code)] = (result.codes[String(code)] ?? 0) + 1;
    if (code === 0) await subject.expectStored(lab, name);
    else await sendAgain(lab, name, subject, rule);
    confirmed.set(name, subject.path);
    if (hits === 0) break;
  }
  // What could not be deleted when it should have been goes when the client, and the server, look again.
  expect(await lab.dync(["resume", "-q"])).toMatchObject({ code: 0, stderr: "" });
  await lab.server.stop();
  await lab.start(serverArgs);
  await expectAftermath(lab, confirmed, subject.expectAll);
  return result;
}

/** After a failed attempt: the same command succeeds, unless the file had got there whole before. */
async function sendAgain(lab: Lab, name: string, subject: Subject, rule: string): Promise<void> {
  const wasThere = existsSync(lab.stored(name));
  if (wasThere) await subject.expectStored(lab, name);
  makeDraftsOld(lab);
  const end = await lab.send(["-q", "--retry-for", "30s", ...sending(subject, name)], {}, endMs);
  if (wasThere && end.code === 7) expect(end.stderr).toContain("on the server already");
  else expect({ rule, ...end }).toMatchObject({ rule, code: 0, stderr: "" });
}

function sending({ options, path }: Subject, name: string): readonly string[] {
  return [...options, "-n", name, path];
}

/** A client clears away what one that was killed while it saved its state left, once that is an hour old. */
function makeDraftsOld(lab: Lab): void {
  const seconds = Date.now() / 1000 - 2 * 3600;
  for (const draft of globSync("uploads/*.tmp", { cwd: lab.homes.client })) {
    utimesSync(join(lab.homes.client, draft), seconds, seconds);
  }
}

function startTraced(lab: Lab, name: string, subject: Subject, rule: string, log: string): Program {
  const command = [...injectCommand(rule, log), lab.programs.dync, "-q", "--retry-for", "10s"];
  const what = ["-k", "sample:S-17", `127.0.0.1:${lab.port}`, ...sending(subject, name)];
  return startProgram([...command, ...what], { env: { DYNC_HOME: lab.homes.client } });
}
