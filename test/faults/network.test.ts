// A network that breaks connections, flips bits and goes away: the long versions. The normal suite does some of each
// (test/e2e/faults.test.ts).

import { describe, expect, test } from "bun:test";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { expectAftermath } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import type { Direction } from "../support/faulty-proxy.ts";
import {
  connectionBytes,
  openNetwork,
  runFlips,
  runHandshakeCuts,
  runOutages,
  until,
  windowBytes,
} from "../support/network-runs.ts";
import { note } from "./note.ts";

const minuteMs = 60_000;
const MiB = 1024 * 1024;
const handshakeBytes = 600;
const directions: readonly Direction[] = ["up", "down"];

describe.skipIf(executablesMissing !== null)(`a bad network (${executablesMissing ?? "compiled"})`, () => {
  for (const direction of directions) {
    test(
      `1,000 flipped bits on the way ${direction}: each costs one reconnect and at most one window`,
      async () => {
        const result = await runFlips(direction, 1000, 7);
        note(`1,000 flips ${direction}`, { ...result });
        // One connection for each flip, and those that ended an upload without one.
        expect(result.connections).toBeLessThan(1.2 * result.flips + 2 * result.uploads);
        expect(result.extraBytesPerFlip).toBeLessThanOrEqual(windowBytes);
      },
      25 * minuteMs,
    );

    test(
      `the first connection cut after every byte ${direction} of the handshake`,
      async () => {
        const places = Array.from({ length: handshakeBytes + 1 }, (_, bytes) => bytes);
        const result = await runHandshakeCuts(direction, places);
        note(`handshake cut ${direction}`, { ...result });
        expect(result.cuts).toBeGreaterThan(handshakeBytes / 3);
      },
      20 * minuteMs,
    );

    test(
      `a connection that is open but dead ${direction} is noticed within a minute`,
      async () => {
        await using network = await openNetwork();
        const { lab, proxy } = network;
        const path = await lab.file("dead.raw", 64 * MiB);
        await using client = network.send("dead.raw", path);
        await until(() => proxy.counters.arrived.up > 8 * MiB, client);
        const { connections } = proxy.counters;
        proxy.faults = { [direction]: { swallowAfter: 0 } };
        const deadAt = systemClock.now();
        // The network is well again at once, for new connections: only this one is dead.
        await until(() => proxy.counters.connections > connections, client);
        proxy.faults = {};
        const seconds = Math.round((systemClock.now() - deadAt) / 100) / 10;
        note(`dead ${direction}`, { seconds });
        expect(await client.ended(2 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
        expect(seconds).toBeLessThan(65);
        await expectAftermath(lab, new Map([["dead.raw", path]]));
      },
      4 * minuteMs,
    );
  }

  for (const delayMs of [0, 100]) {
    test(
      `thirty outages, ${delayMs} ms each way: data flows again within 2 s of the network being back`,
      async () => {
        const result = await runOutages(30, 11, delayMs);
        note(`outages with ${delayMs} ms delay`, { ...result });
        expect(result.secondsMedian).toBeLessThan(2);
        // The machine may be busy: far from the 30 s that a time-out would take is what counts.
        expect(result.secondsMax).toBeLessThan(10);
        expect(result.extraBytesPerOutage).toBeLessThanOrEqual(windowBytes);
      },
      10 * minuteMs,
    );
  }

  test(
    "a connection that stalls for twenty seconds and goes on loses nothing, and is not given up",
    async () => {
      await using network = await openNetwork();
      const { lab, proxy } = network;
      const path = await lab.file("stalled.raw", 32 * MiB);
      await using client = network.send("stalled.raw", path);
      await until(() => proxy.counters.arrived.up > 4 * MiB, client);
      proxy.faults = { up: { stallAfter: 0 }, down: { stallAfter: 0 } };
      await sleep(systemClock, 20_000);
      proxy.faults = {};
      expect(await client.ended(minuteMs)).toMatchObject({ code: 0, stderr: "" });
      expect(proxy.counters.arrived.up).toBeLessThan(1.005 * 32 * MiB + windowBytes + 4 * connectionBytes);
      await expectAftermath(lab, new Map([["stalled.raw", path]]));
    },
    3 * minuteMs,
  );
});
