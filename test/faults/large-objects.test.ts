// A stream of unknown length into an object store: its parts are as long as planned, the memory of both sides is bounded. DYNC_STREAM_GIB (default 4)
// says how long it is: parts grow beyond 8 GiB, and 64 stands for a terabyte. The store forgets what it was sent, but for the beginning of each part,
// which tells its place.

import { expect, test } from "bun:test";
import { PartPlan } from "../../src/storage/s3/part-plan.ts";
import { executablesMissing } from "../support/executables.ts";
import { ForgetfulStore } from "../support/forgetful-store.ts";
import { openLab } from "../support/lab.ts";
import { PeakMemory } from "../support/process-tree.ts";
import { note } from "./note.ts";

const MB = 1_000_000;
const MiB = 1024 * 1024;
const gibibytes = Number(process.env.DYNC_STREAM_GIB ?? 4);
// The default of s3-memory, of which parts are a quarter at most.
const s3Memory = 512 * MiB;
const clientMemoryMax = 250 * MB;
const serverMemoryMax = 900 * MB;
const deadlineMs = 3_600_000;
const missing =
  executablesMissing ??
  (process.platform !== "linux" ? "memory is read from /proc" : Bun.which("python3") ? null : "no python3");

// Each MiB begins with its number.
const stream = `
import sys
piece = bytearray(${MiB})
for number in range(${gibibytes} * 1024):
    piece[:8] = number.to_bytes(8, "big")
    sys.stdout.buffer.write(piece)
`;

test.skipIf(missing !== null)(
  `a stream of ${gibibytes} GiB is put together of parts as long as planned, in bounded memory (${missing ?? "compiled"})`,
  async () => {
    await using store = await ForgetfulStore.start();
    const args = ["--storage", "s3://bucket/lab", "--s3-endpoint", store.endpoint];
    const start = { env: { AWS_ACCESS_KEY_ID: "key", AWS_SECRET_ACCESS_KEY: "secret" } };
    await using lab = await openLab({ inMemory: true, server: args, start });
    const to = [
      "-q",
      "-n",
      "stream.raw",
      "-k",
      "sample:S-17",
      "--stdin-from-command",
      `127.0.0.1:${lab.port}`,
    ];
    const began = performance.now();
    await using sending = lab.startDync(["send", ...to, "--", "python3", "-c", stream]);
    const memory = new PeakMemory(sending.pid);
    expect(await sending.ended(deadlineMs)).toMatchObject({ code: 0, stderr: "" });
    const [client] = memory.stop();
    const server = await lab.serverMemoryMax();
    const parts = store.assembled.get("lab/alice/stream.raw")?.parts ?? [];
    note(`a stream of ${gibibytes} GiB`, {
      ...{ "MB/s": Math.round((gibibytes * 1024 * MiB) / MB / ((performance.now() - began) / 1000)) },
      ...{ parts: parts.length, "largest part MiB": Math.max(...parts.map(({ size }) => size)) / MiB },
      ...{ "client MB": Math.round((client ?? 0) / MB), "server MB": Math.round(server / MB) },
    });
    let at = 0;
    for (const [index, { size, mark }] of parts.entries()) {
      expect([index, Number(mark.readBigUInt64BE())]).toEqual([index, at / MiB]);
      const isLast = index === parts.length - 1;
      if (!isLast)
        expect([index, size]).toEqual([index, new PartPlan(s3Memory).partBytesOf(undefined, index)]);
      at += size;
    }
    expect(at).toBe(gibibytes * 1024 * MiB);
    expect(store.unknown).toEqual([]);
    expect(store.multiparts.size).toBe(0);
    expect(client).toBeLessThan(clientMemoryMax);
    expect(server).toBeLessThan(serverMemoryMax);
  },
  deadlineMs,
);
