// What strangers and clients can do to libzmq inside the server: heartbeats, frames that are never finished, more
// connections than descriptors. Short here; for minutes, and beside an upload that is measured, in test/faults.

import { describe, expect, test } from "bun:test";
import { startCrowd } from "../support/crowd.ts";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { patchesMissing } from "../support/own-library.ts";
import { referenceMissing } from "../support/reference.ts";

const minuteMs = 60_000;
const MB = 1_000_000;
const onLinux = process.platform === "linux" ? null : "needs /proc and prlimit";
const reason = executablesMissing ?? referenceMissing ?? onLinux ?? patchesMissing;

describe.skipIf(reason !== null)(`attacks on libzmq (${reason ?? "compiled"})`, () => {
  test(
    "authorised clients with heartbeats, that ask a lot and leave, do not end the server",
    async () => {
      await using lab = await openLab({ inMemory: true });
      await using crowd = await startCrowd(lab, "heartbeats", 20);
      // The library of the npm package meets its assertion within a round or three.
      await crowd.line(/^Round 10$/, 2 * minuteMs);
      await lab.expectAlive();
    },
    4 * minuteMs,
  );

  test(
    "a stranger's unfinished frames take no memory",
    async () => {
      await using lab = await openLab({ inMemory: true });
      const before = await lab.serverMemoryMax();
      await using _crowd = await startCrowd(lab, "half-frames", 200);
      await lab.expectAlive();
      // Unbounded it would be 430 MB.
      expect((await lab.serverMemoryMax()) - before).toBeLessThan(60 * MB);
    },
    2 * minuteMs,
  );

  test(
    "an honest upload finds its way in when strangers have taken all descriptors",
    async () => {
      const under = ["prlimit", "--nofile=256:256", "--"];
      await using lab = await openLab({ inMemory: true, start: { under } });
      await using _crowd = await startCrowd(lab, "silent", 600);
      await lab.expectAlive();
    },
    2 * minuteMs,
  );
});
