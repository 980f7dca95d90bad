// What `send` and `resume` show of a job: notes above the progress, its end, and what can be done where it failed.

import { expect, test } from "bun:test";
import { DyncError, type ErrorCode } from "../../src/base/error.ts";
import { reporterFor } from "../../src/cli/dync/reporter.ts";
import { Output } from "../../src/cli/output.ts";
import type { Job } from "../../src/client/job.ts";
import { BeingSent, UploadKept } from "../../src/client/resumption.ts";
import { CapturedStream } from "../support/captured-stream.ts";
import { ManualClock } from "../support/manual-clock.ts";

/** No variable says anything. */
const noVariables = { variables: new Map<string, never>(), variablesFound: { known: [], unknown: [] } };

const retry = { retryForMs: 900_000, retryFirst: false };
const still = { taken: 0, sent: 0, total: 100, skipped: 0 };

function stage(name = "run.raw") {
  const clock = new ManualClock();
  const stdout = new CapturedStream();
  const stderr = new CapturedStream();
  const output = new Output({ program: "dync", json: false, stdout, stderr, clock });
  const job: Job = {
    host: "lab",
    port: 8889,
    serverKeyFile: null,
    origin: { kind: "file", path: `/data/${name}` },
    name,
    metadataText: "{}",
  };
  const ends: unknown[] = [];
  const { signal } = new AbortController();
  const reporter = reporterFor<Job>(
    { program: "dync", output, signal, clock, environment: {}, ...noVariables },
    retry,
    {
      stored: (of, receipt) => ends.push([of, receipt]),
      failed: (of, error) => ends.push([of, error]),
    },
  );
  return { clock, stdout, stderr, output, job, ends, report: reporter.started(job) };
}

function failure(error: unknown, name?: string): DyncError {
  const { report, ends, job } = stage(name);
  report.onFailed(error);
  const [[of, told]] = ends as [[Job, DyncError]];
  expect(of).toBe(job);
  return told;
}

test("what is stored is said with its rate, the checksum is the result, and the command hears how long it took", async () => {
  const { report, clock, stdout, stderr, ends, job } = stage();
  const receipt = { uploadId: "u1", bytes: 4096, sha256: "ab", already: false };
  clock.advance(2000);
  await report.onConfirmed(receipt);
  expect(stderr.takeLines()).toEqual(['Stored "run.raw": 4.0 KiB in 2.0 s, 2.0 KiB/s']);
  expect(stdout.takeLines()).toEqual(["ab  run.raw"]);
  expect(ends).toEqual([[job, { ...receipt, seconds: 2 }]]);
});

test("what was there already is said to be", async () => {
  const { report, stderr } = stage();
  await report.onConfirmed({ uploadId: "u1", bytes: 4096, sha256: "ab", already: true });
  expect(stderr.takeLines()).toEqual(['Stored already: "run.raw", the same content and metadata']);
});

test("what is kept of an upload can be gone on with or dropped: the hint says how", () => {
  const lost = new DyncError("unreachable", "The connection was lost", { hint: "try again" });
  const wayOn = '"dync resume 0123abcd" goes on with it, "dync cancel 0123abcd" drops it';
  const identity = "0123abcd".repeat(4);
  expect(failure(new UploadKept(lost, identity)).hint).toBe(`try again; ${wayOn}`);
  const cancelled = new UploadKept(new DyncError("cancelled", "Interrupted"), identity);
  expect(failure(cancelled)).toMatchObject({ code: "cancelled", message: "Interrupted", hint: wayOn });
});

test.each<[ErrorCode, string | undefined]>([
  ["forbidden", "send it under another name: -n run_1.raw"],
  ["too-large", "send it under another name: -n run_1.raw"],
  ["metadata-rejected", undefined],
])("a name that is to blame for %p comes with one that would do: %p", (code, hint) => {
  expect(failure(new DyncError(code, "No"), "run:1.raw").hint).toBe(hint);
  expect(failure(new DyncError(code, "No"), "run_1.raw").hint).toBeUndefined();
});

test("any other error reaches the command as it is: it tells them apart", () => {
  for (const error of [new BeingSent("/data/run.raw"), new TypeError("a bug")])
    expect(failure(error)).toBe(error as DyncError);
});

test("patience is told when it begins, and when it ends with how long it was", async () => {
  const { report, clock, output, stderr, ends } = stage();
  const pause = { code: "unreachable", reason: "The connection was lost", until: 0 } as const;
  for (let turn = 1; turn <= 3; turn++) {
    report.onProgress({ ...still, waiting: "pause", pause: { ...pause, until: turn * 1000 } });
    clock.advance(1000);
  }
  report.onWarning("A warning", "what to do");
  report.onFailed(new DyncError("unreachable", "The connection was lost"));
  await output.flush();
  expect(stderr.takeLines()).toEqual([
    "The connection was lost: trying again for 15 min at most (--retry-for)",
    "dync: warning: A warning",
    "dync: hint: what to do",
  ]);
  const [[, error]] = ends as [[Job, DyncError]];
  expect(error.message).toBe("The connection was lost; gave up after trying for 3 s");
});

test("the display has what the upload is waiting for, and nothing under way on a connection that is gone", async () => {
  const clock = new ManualClock();
  const stderr = new CapturedStream({ isTTY: true, columns: 200 });
  const output = new Output({ program: "dync", json: false, stdout: stderr, stderr, clock });
  const context = {
    program: "dync",
    output,
    signal: new AbortController().signal,
    clock,
    environment: {},
    ...noVariables,
  };
  const ends = { stored: () => {}, failed: () => {} };
  const report = reporterFor<Job>(context, retry, ends).started(stage().job);
  report.onProgress({ ...still, taken: 40, sent: 90, waiting: null, pause: null });
  clock.advance(100);
  await output.flush();
  expect(stderr.text).toContain("50 B under way");
  stderr.text = "";
  const pause = { code: "unreachable", reason: "It is gone", until: 5000 } as const;
  report.onProgress({ ...still, taken: 40, sent: 90, waiting: "pause", pause });
  clock.advance(2000);
  await output.flush();
  expect(stderr.text).toContain("It is gone");
  expect(stderr.text).not.toContain("under way");
  for (const [waiting, text] of [
    ["connection", "connecting"],
    ["approval", "waiting for the server"],
    ["confirmation", "waiting for the server's confirmation"],
    ["comparison", "comparing it with what is stored"],
  ] as const) {
    stderr.text = "";
    report.onProgress({ ...still, taken: 40, sent: 90, waiting, pause: null });
    clock.advance(2000);
    await output.flush();
    expect(stderr.text).toContain(text);
  }
  for (const [ahead, text] of [
    [0, "the server is short of memory, this one is next"],
    [1, "the server is short of memory, 1 upload before it"],
    [12, "the server is short of memory, 12 uploads before it"],
  ] as const) {
    const wait = { cause: "memory", ahead } as const;
    report.onProgress({ ...still, taken: 40, sent: 90, waiting: "credit", wait, pause: null });
    clock.advance(2000);
    await output.flush();
    expect(stderr.text).toContain(text);
  }
  report.onFailed(new Error("over"));
});
