// The order of changes on disk, proved by dying before each of them: whatever prefix of an upload's system calls was
// made, nothing half is visible under the final name, and after a restart the upload goes on or is finished already.
// A process that dies loses nothing that the kernel took; what a power cut takes back is played in test/storage and
// test/simulation, and the last test here looks at the order of the syncs that those rely on.

import { describe, expect, test } from "bun:test";
import { Random } from "../simulation/random.ts";
import { recordCalls, runCrashes, runShortWrites, smallDataset } from "../support/crash-runs.ts";
import { executablesMissing } from "../support/executables.ts";
import { crashesMissing } from "../support/system-calls.ts";
import { note } from "./note.ts";

const minuteMs = 60_000;
// More than an upload has; the run ends with the first that is not reached.
const callsMax = 200;
const reason = executablesMissing ?? crashesMissing;

describe.skipIf(reason !== null)(`a server that dies (${reason ?? "compiled"})`, () => {
  test(
    "before the Nth change of an upload, for every N",
    async () => {
      const places = Array.from({ length: callsMax }, (_, index) => [index + 1] as const);
      const { crashes, calls, secondsMax } = await runCrashes(places);
      note("crash before every change", { crashes, secondsMax });
      expect(crashes).toBeLessThan(callsMax);
      // Calls that do not depend on each other come in any order: those that slipped through are tried again.
      const wanted = await recordCalls();
      const seen = new Set(calls);
      for (let round = 0; round < 15 && wanted.some((call) => !seen.has(call)); round++) {
        // At their place in the recorded order, and at those around it.
        const shift = (round % 5) - 2;
        const places = wanted.flatMap((call, index) =>
          seen.has(call) ? [] : [[Math.max(1, index + 1 + shift)] as const],
        );
        for (const call of (await runCrashes(places)).calls) seen.add(call);
      }
      expect(wanted.filter((call) => !seen.has(call))).toEqual([]);
    },
    15 * minuteMs,
  );

  test(
    "before the Nth change of a dataset, for every N",
    async () => {
      const places = Array.from({ length: callsMax }, (_, index) => [index + 1] as const);
      const { crashes, secondsMax } = await runCrashes(places, smallDataset);
      note("crash before every change of a dataset", { crashes, secondsMax });
      expect(crashes).toBeGreaterThan(80);
      expect(crashes).toBeLessThan(callsMax);
    },
    15 * minuteMs,
  );

  test(
    "and dies again while it recovers a dataset, at sixty pairs of places",
    async () => {
      const random = new Random(6);
      const count = (await recordCalls(smallDataset)).length;
      const places = Array.from(
        { length: 60 },
        () => [random.between(1, count), random.between(1, 60)] as const,
      );
      const { crashes, secondsMax } = await runCrashes(places, smallDataset);
      note("crash in the recovery of a dataset", { crashes, secondsMax });
    },
    15 * minuteMs,
  );

  test(
    "not: writes that take less than they were given, at every write of a dataset",
    async () => {
      note("short writes of a dataset", { ...(await runShortWrites(callsMax, smallDataset)) });
    },
    10 * minuteMs,
  );

  test(
    "and dies again while it recovers, at sixty pairs of places",
    async () => {
      const random = new Random(5);
      const count = (await recordCalls()).length;
      const places = Array.from(
        { length: 60 },
        () => [random.between(1, count), random.between(1, 40)] as const,
      );
      const { crashes, secondsMax } = await runCrashes(places);
      note("crash in the recovery from a crash", { crashes, secondsMax });
    },
    15 * minuteMs,
  );

  test(
    "not: writes that take less than they were given, at every write of an upload",
    async () => {
      note("short writes", { ...(await runShortWrites(callsMax)) });
    },
    10 * minuteMs,
  );
});

describe.skipIf(reason !== null)(`the calls of an upload (${reason ?? "compiled"})`, () => {
  test("make everything durable before what depends on it", async () => {
    const calls = await recordCalls();
    const last = (call: string): number => calls.lastIndexOf(call);
    const ordered = [
      last("pwrite64 .dync/partial/ID"),
      calls.indexOf("fsync .dync/partial/ID"),
      calls.indexOf("link alice/NAME.meta.json"),
      calls.indexOf("link alice/NAME.sha256"),
      calls.indexOf("fsync alice"),
      calls.indexOf("link alice/NAME"),
      last("fsync alice"),
      last("unlink .dync/partial/ID"),
      last("fsync .dync/catalogue.sqlite-wal"),
    ];
    expect(ordered).not.toContain(-1);
    expect(ordered).toEqual([...new Set(ordered)].sort((a, b) => a - b));
    for (const suffix of [".meta.json", ".sha256"]) {
      const staged = [`write .dync/partial/ID${suffix}`, `fsync .dync/partial/ID${suffix}`];
      const steps = [...staged, `link alice/NAME${suffix}`].map((call) => calls.indexOf(call));
      expect(steps).toEqual([...steps].sort((a, b) => a - b));
    }
    // The record that the upload exists is durable before its first byte.
    const record = calls.indexOf("fsync .dync/catalogue.sqlite-wal");
    expect(record).toBeGreaterThan(-1);
    expect(record).toBeLessThan(calls.indexOf("pwrite64 .dync/partial/ID"));
    // The user's folder is made and synced when the upload is admitted, before its record; publishing finds it there, and
    // knows that it is on the disk.
    expect(calls.indexOf("mkdir alice")).toBeLessThan(calls.indexOf("fsync "));
    expect(calls.indexOf("fsync ")).toBeLessThan(calls.indexOf("openat .dync/partial/ID"));
    expect(calls.lastIndexOf("fsync ")).toBe(calls.indexOf("fsync "));
  });
});
