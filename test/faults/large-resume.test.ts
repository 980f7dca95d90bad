// A large upload whose client was killed half-way: how long until it sends again, beside the time that hashing what is
// there already takes on this machine, which both sides have to do once.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { mkdir, open, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "../../src/base/clock.ts";
import { openSha256 } from "../../src/storage/sha256/open-sha256.ts";
import { plainSha256 } from "../../src/storage/sha256/sha256.ts";
import { expectAftermath } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import { startFaultyProxy } from "../support/faulty-proxy.ts";
import { openLab } from "../support/lab.ts";
import { connectionBytes, until } from "../support/network-runs.ts";
import { runProgram } from "../support/programs.ts";
import { note } from "./note.ts";

const MiB = 1024 * 1024;
const GiB = 1024 * MiB;
const minuteMs = 60_000;
const size = 4 * GiB;
const half = size / 2;

describe.skipIf(executablesMissing !== null)(`4 GiB (${executablesMissing ?? "compiled"})`, () => {
  test(
    "resumed at 50 % are being sent again within the time that hashing 2 GiB twice takes",
    async () => {
      await using lab = await openLab({ inMemory: existsSync("/dev/shm") });
      await using proxy = await startFaultyProxy({ targetPort: lab.port });
      const path = await sparseFile(lab.folder.file("files", "large.raw"), size);
      const args = ["-q", "-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path];
      const { arrived } = proxy.counters;
      await using first = lab.startDync(args);
      await until(() => arrived.up >= half, first);
      await first.kill();
      const sentFirst = arrived.up;
      const hashSeconds = await secondsToHash(path, half);
      const startedAt = systemClock.now();
      await using second = lab.startDync(args);
      await until(() => arrived.up > sentFirst + connectionBytes, second);
      const seconds = (systemClock.now() - startedAt) / 1000;
      note("4 GiB resumed at 50 %", {
        "seconds until data flows": seconds.toFixed(1),
        "seconds to hash 2 GiB": hashSeconds.toFixed(1),
      });
      expect(await second.ended(10 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
      // Both sides hash at once, on a machine that others use as well.
      expect(seconds).toBeLessThan(2 * hashSeconds * 1.5 + 2);
      expect(arrived.up).toBeLessThan(1.005 * size + 64 * MiB);
      await expectAftermath(lab, new Map([["large.raw", path]]));
    },
    20 * minuteMs,
  );
});

const canCount = existsSync("/proc/self/io") && (await openSha256()) !== plainSha256;
const countReason = canCount ? "libcrypto.so.3" : "no libcrypto.so.3, or no count of what is read";

describe.skipIf(executablesMissing !== null || !canCount)(
  `a dataset of 1 GiB (${executablesMissing ?? countReason})`,
  () => {
    test(
      "whose server is killed at 60 % and at 80 % is gone on with without what is there being read again",
      async () => {
        await using lab = await openLab({ inMemory: existsSync("/dev/shm") });
        await using proxy = await startFaultyProxy({ targetPort: lab.port });
        const folder = lab.folder.file("files", "run");
        await mkdir(folder);
        // One file is nearly all of it: its own checksum has to go on as well.
        const path = await sparseFile(join(folder, "large.raw"), GiB);
        await writeFile(join(folder, "small.txt"), "small");
        const args = ["-q", "-k", "sample:S-17", "--dataset", `127.0.0.1:${proxy.port}`, folder];
        const { arrived } = proxy.counters;
        await using client = lab.startDync(args);
        for (const part of [0.6, 0.8]) {
          await until(() => arrived.up >= part * GiB, client);
          await lab.server.kill();
          await lab.start();
        }
        const { pid } = lab.server;
        expect(await client.ended(10 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
        const counted = await readFile(`/proc/${pid}/io`, "utf8");
        const read = Number(/rchar: (\d+)/.exec(counted)?.[1]);
        note("a dataset of 1 GiB, its server killed at 60 and 80 %", {
          "MiB read again": (read / MiB).toFixed(1),
        });
        // What came behind the last state, of the stream and of the file: at most 64 MiB each, a chunk, and the executable itself.
        expect(read).toBeLessThan(256 * MiB);
        const sums = await readFile(`${lab.stored("run")}.sha256`, "utf8");
        const expected = await runProgram(["sha256sum", path], {}, minuteMs);
        expect(sums).toContain(expected.stdout.slice(0, 64));
        const checked = ["sha256sum", "--strict", "-c", "run.sha256"];
        expect(await runProgram(checked, { cwd: join(lab.data, "alice") }, minuteMs)).toMatchObject({
          code: 0,
        });
      },
      20 * minuteMs,
    );
  },
);

/** A file of so many bytes, of which one block in each 64 MiB is no zeros: as much to send and to hash as any, and little to keep. */
async function sparseFile(path: string, size: number): Promise<string> {
  await using file = await open(path, "w");
  for (let offset = 0; offset < size; offset += 64 * MiB) {
    await file.write(crypto.getRandomValues(new Uint8Array(64 * 1024)), 0, 64 * 1024, offset);
  }
  await file.truncate(size);
  return path;
}

async function secondsToHash(path: string, bytes: number): Promise<number> {
  const startedAt = systemClock.now();
  const hash = createHash("sha256");
  for await (const part of createReadStream(path, { end: bytes - 1, highWaterMark: MiB })) {
    hash.update(part as Buffer);
  }
  hash.digest();
  return (systemClock.now() - startedAt) / 1000;
}
