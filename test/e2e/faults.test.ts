// A short selection of the long attacks in test/faults: kills of either side, flipped bits, connections cut in the
// handshake, outages, crashes at the steps of publishing, failing system calls, and connections that do nothing.
// After each, every confirmed file is compared and nothing is left over; the seeds are fixed.

import { describe, expect, test } from "bun:test";
import { recordCalls, runCrashes, smallDataset } from "../support/crash-runs.ts";
import { startCrowd } from "../support/crowd.ts";
import { executablesMissing } from "../support/executables.ts";
import type { Direction } from "../support/faulty-proxy.ts";
import { type FrameFlip, runFrameFlips } from "../support/header-flips.ts";
import { runServerFaults } from "../support/injection-runs.ts";
import { runKills, windowBytes } from "../support/kill-runs.ts";
import { openLab } from "../support/lab.ts";
import { runFlips, runHandshakeCuts, runOutages } from "../support/network-runs.ts";
import { referenceMissing } from "../support/reference.ts";
import { crashesMissing, straceMissing } from "../support/system-calls.ts";

const MiB = 1024 * 1024;
const directions: readonly Direction[] = ["up", "down"];
const compiled = executablesMissing;

describe.skipIf(compiled !== null)(`kill -9 (${compiled ?? "compiled"})`, () => {
  for (const [side, what] of [
    ["client", "file"],
    ["server", "file"],
    ["client", "dataset"],
    ["server", "dataset"],
  ] as const) {
    test(`of the ${side} of a ${what}, ten times: nothing is lost, and each costs at most one window`, async () => {
      const result = await runKills({ side, what, kills: 10, killsPerUpload: 5, bytes: 24 * MiB, seed: 3 });
      expect(result.kills).toBeGreaterThanOrEqual(10);
      expect(result.extraPerKillMax).toBeLessThanOrEqual(windowBytes);
    });
  }
});

describe.skipIf(compiled !== null)(`a bad network (${compiled ?? "compiled"})`, () => {
  for (const direction of directions) {
    test(`ten flipped bits on the way ${direction}: each costs at most one window`, async () => {
      const result = await runFlips(direction, 10, 7);
      expect(result.flips).toBeGreaterThanOrEqual(10);
      expect(result.extraBytesPerFlip).toBeLessThanOrEqual(windowBytes);
    });

    test(`a frame that is dropped, or joins the next message, on the way ${direction}`, async () => {
      // The bits that libzmq obeys without a word: another kind of frame (2), more frames to come (0).
      const { uploads, connectionsMax } = await runFrameFlips((frames) =>
        Array.from({ length: frames[direction] - 2 }, (_, index): FrameFlip[] =>
          [0, 2].map((bit) => ({ direction, frame: index + 2, byte: 0, bit })),
        ).flat(),
      );
      expect(uploads).toBeGreaterThan(10);
      expect(connectionsMax).toBeLessThanOrEqual(3);
    });

    test(`the first connection cut in its handshake, at some bytes ${direction}`, async () => {
      const result = await runHandshakeCuts(direction, [0, 1, 10, 63, 64, 65, 200, 300, 400, 500]);
      expect(result.cuts).toBeGreaterThan(5);
    });
  }

  test("three outages: data flows again soon after the network is back", async () => {
    const result = await runOutages(3, 11);
    expect(result.outages).toBeGreaterThan(0);
    // A client that did not see the network come back would ask again after half a minute.
    expect(result.secondsMax).toBeLessThan(20);
    expect(result.extraBytesPerOutage).toBeLessThanOrEqual(windowBytes);
  });
});

describe.skipIf((compiled ?? crashesMissing) !== null)(
  `a server that dies (${compiled ?? crashesMissing ?? "compiled"})`,
  () => {
    test("before a step of publishing leaves the upload whole or resumable", async () => {
      const calls = await recordCalls();
      const steps = ["fsync .dync/partial/ID", "link alice/NAME.meta.json", "link alice/NAME", "fsync alice"];
      const places = [...steps, "unlink .dync/partial/ID"].map(
        (call) => [calls.lastIndexOf(call) + 1] as const,
      );
      const { crashes } = await runCrashes([...places, [calls.length]]);
      expect(crashes).toBeGreaterThanOrEqual(places.length);
    });

    test("before a step of publishing a dataset leaves it whole or resumable", async () => {
      const calls = await recordCalls(smallDataset);
      const steps = [
        "mkdir .dync/partial/ID",
        "rename .dync/partial/ID/replaced/5",
        "write .dync/partial/ID.sha256",
        "syncfs .dync/partial/ID",
        "link alice/NAME.meta.json",
        "fsync alice",
        "rename alice/NAME",
        "rename .dync/partial/ID.gone",
      ];
      const places = steps.map((call) => [calls.lastIndexOf(call) + 1] as const);
      expect(places.map(([place]) => place)).not.toContain(0);
      const { crashes } = await runCrashes([...places, [calls.length]], smallDataset);
      expect(crashes).toBeGreaterThanOrEqual(places.length);
    });
  },
);

describe.skipIf((compiled ?? straceMissing) !== null)(
  `system calls that fail (${compiled ?? straceMissing ?? "compiled"})`,
  () => {
    for (const [calls, fault] of [
      ["pwrite64", "error=EIO"],
      ["pwrite64", "error=ENOSPC"],
      ["mkdir", "error=ENOSPC"],
    ] as const) {
      test(`${calls} with ${fault}, the first two`, async () => {
        const { hits } = await runServerFaults({ calls, fault, nMax: 2 });
        expect(hits).toBeGreaterThan(0);
      });
    }
  },
);

describe.skipIf((compiled ?? referenceMissing) !== null)(
  `a crowd (${compiled ?? referenceMissing ?? "compiled"})`,
  () => {
    for (const what of ["idle", "half-open"] as const) {
      test(`of 200 ${what} connections does not keep an honest upload from its end`, async () => {
        await using lab = await openLab({ inMemory: true });
        const path = await lab.file("honest.raw", 50 * MiB);
        await using _crowd = await startCrowd(lab, what, 200);
        expect(await lab.send(["-q", path])).toMatchObject({ code: 0, stderr: "" });
        await lab.expectStored(path);
      });
    }
  },
);
