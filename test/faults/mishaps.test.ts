// What befalls machines: a storage folder that disappears or turns read-only, descriptors that run out, a clock that
// jumps, a side that stands still for two minutes, a source that is slow.

import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { sleep, systemClock } from "../../src/base/clock.ts";
import { expectAftermath } from "../support/aftermath.ts";
import { executablesMissing } from "../support/executables.ts";
import { openLab } from "../support/lab.ts";
import { openNetwork, until } from "../support/network-runs.ts";
import { inject, straceMissing } from "../support/system-calls.ts";
import { note } from "./note.ts";

const MiB = 1024 * 1024;
const minuteMs = 60_000;
const dayS = 24 * 3600;
const standstillMs = 2 * minuteMs;
const faketime = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const isLinux = process.platform === "linux";
const linuxReason = executablesMissing ?? (isLinux ? null : "needs Linux");
const straceReason = executablesMissing ?? straceMissing;
const clockReason = executablesMissing ?? (existsSync(faketime) ? null : "libfaketime is not installed");

describe.skipIf(executablesMissing !== null)(`the storage (${executablesMissing ?? "compiled"})`, () => {
  test(
    "folder disappears in mid-upload and comes back: the upload waits for it and ends well",
    async () => {
      await using network = await openNetwork();
      const { lab, proxy } = network;
      const path = await lab.file("away.raw", 64 * MiB);
      await using client = network.send("away.raw", path);
      await until(() => proxy.counters.arrived.up > 8 * MiB, client);
      await rename(lab.data, `${lab.data}-away`);
      await sleep(systemClock, 5000);
      expect({ running: client.running, stderr: client.stderr, log: lab.server.stderr }).toMatchObject({
        running: true,
      });
      await rename(`${lab.data}-away`, lab.data);
      expect(await client.ended(2 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
      await expectAftermath(lab, new Map([["away.raw", path]]));
    },
    4 * minuteMs,
  );

  test(
    "loses its partials in mid-upload: never status 0 without a file, and the same command succeeds after a restart",
    async () => {
      await using network = await openNetwork();
      const { lab, proxy } = network;
      const path = await lab.file("lost.raw", 64 * MiB);
      await using client = network.send("lost.raw", path, ["--retry-for", "10s"]);
      await until(() => proxy.counters.arrived.up > 8 * MiB, client);
      await rm(join(lab.data, ".dync", "partial"), { recursive: true });
      const { code } = await client.ended(2 * minuteMs);
      expect(code).not.toBe(0);
      lab.expectNothingStored("lost");
      // It does not go on without the folder that it needs, and says so; started anew it makes it.
      expect(await lab.server.ended(minuteMs)).toMatchObject({ code: 1 });
      await lab.start();
      const again = network.send("lost.raw", path);
      expect(await again.ended(minuteMs)).toMatchObject({ code: 0, stderr: "" });
      await expectAftermath(lab, new Map([["lost.raw", path]]));
    },
    4 * minuteMs,
  );
});

describe.skipIf(straceReason !== null)(`a disk (${straceReason ?? "compiled, strace"})`, () => {
  test(
    "that turns read-only in mid-upload, and writable again: the upload goes on and ends well",
    async () => {
      await using network = await openNetwork();
      const { lab, proxy } = network;
      const path = await lab.file("read-only.raw", 64 * MiB);
      await using client = network.send("read-only.raw", path);
      await until(() => proxy.counters.arrived.up > 8 * MiB, client);
      const calls = "pwrite64,ftruncate,link,unlink,mkdir,rename,fsync,fdatasync";
      const fault = await inject(lab.server.pid, `${calls}:error=EROFS`, lab.folder.file("trace"));
      await Promise.race([client.ended(minuteMs), sleep(systemClock, 5000)]);
      expect(await fault.end()).toBeGreaterThan(0);
      expect(lab.server.running).toBe(true);
      const { code } = await client.ended(2 * minuteMs);
      if (code !== 0) {
        lab.expectNothingStored("read-only");
        await using again = network.send("read-only.raw", path);
        expect(await again.ended(minuteMs)).toMatchObject({ code: 0, stderr: "" });
      }
      await lab.server.stop();
      await lab.start();
      await expectAftermath(lab, new Map([["read-only.raw", path]]));
    },
    5 * minuteMs,
  );

  test(
    "whose sync fails once: what was sent since the last good one is sent again, and the content is right",
    async () => {
      await using network = await openNetwork();
      const { lab, proxy } = network;
      // Two syncs of 128 MiB fall into it.
      const path = await lab.file("unsynced.raw", 320 * MiB);
      await using client = network.send("unsynced.raw", path);
      await lab.server.line(/"Upload started"/);
      const fault = await inject(lab.server.pid, "fdatasync:error=EIO:when=1", lab.folder.file("trace"));
      expect(await client.ended(3 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
      // One for each thread of the server that syncs.
      const failures = await fault.end();
      expect(failures).toBeGreaterThan(0);
      await lab.server.line(/"Writing failed"/);
      const sentTwice = proxy.counters.arrived.up - 320 * MiB;
      note("failed syncs", { failures, "MiB sent twice": Math.round(sentTwice / MiB) });
      expect(sentTwice).toBeGreaterThan(64 * MiB);
      // Up to where the next sync would have been, and what was under way then.
      expect(sentTwice).toBeLessThan(failures * 140 * MiB);
      await expectAftermath(lab, new Map([["unsynced.raw", path]]));
    },
    5 * minuteMs,
  );
});

describe.skipIf(linuxReason !== null)(`descriptors (${linuxReason ?? "compiled"})`, () => {
  test(
    "that run out: 60 uploads on a server with 48 of them all end well, and the server lives",
    async () => {
      await using lab = await openLab({
        inMemory: true,
        start: { under: ["prlimit", "--nofile=48:48", "--"] },
      });
      const path = await lab.file("few.raw", 2 * MiB);
      const confirmed = new Map<string, string>();
      const sends = Array.from({ length: 60 }, async (_, index) => {
        const name = `few-${index}.raw`;
        confirmed.set(name, path);
        // Ten at a time, as far as this machine is concerned: each is a process.
        await sleep(systemClock, Math.floor(index / 10) * 1500);
        return await lab.send(["-q", "--retry-for", "3m", "-n", name, path], {}, 4 * minuteMs);
      });
      for (const end of await Promise.all(sends)) expect(end).toMatchObject({ code: 0, stderr: "" });
      await expectAftermath(lab, confirmed);
    },
    6 * minuteMs,
  );
});

describe.skipIf(clockReason !== null)(`a clock (${clockReason ?? "compiled, libfaketime"})`, () => {
  test(
    "that jumps a month forth and back in mid-upload, on either side, changes nothing",
    async () => {
      await using clocks = await openLab({ inMemory: true });
      const file = clocks.folder.file("offset");
      await writeFile(file, "+0");
      const env = {
        LD_PRELOAD: faketime,
        FAKETIME_TIMESTAMP_FILE: file,
        FAKETIME_NO_CACHE: "1",
        FAKETIME_DONT_FAKE_MONOTONIC: "1",
      };
      await using network = await openNetwork();
      const { lab, proxy } = network;
      await lab.server.stop();
      await lab.start([], { env });
      proxy.faults = { up: { bytesPerSecond: 2 * MiB } };
      const path = await lab.file("jumps.raw", 16 * MiB);
      const args = ["-q", "--retry-for", "1h", "-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path];
      await using client = lab.startDync(args, { env });
      for (const days of [30, -30, 0, 365, -1000, 0]) {
        const before = proxy.counters.arrived.up;
        await until(() => proxy.counters.arrived.up > before + MiB, client);
        await writeFile(file, `${days < 0 ? "" : "+"}${days * dayS}`);
        proxy.cut();
      }
      expect(await client.ended(2 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
      await expectAftermath(lab, new Map([["jumps.raw", path]]));
    },
    4 * minuteMs,
  );
});

describe.skipIf(executablesMissing !== null)(`standing still (${executablesMissing ?? "compiled"})`, () => {
  for (const side of ["client", "server"] as const) {
    test(
      `the ${side} for two minutes: the upload goes on by itself`,
      async () => {
        await using network = await openNetwork();
        const { lab, proxy } = network;
        const path = await lab.file("stopped.raw", 64 * MiB);
        await using client = network.send("stopped.raw", path);
        await until(() => proxy.counters.arrived.up > 8 * MiB, client);
        const stopped = side === "client" ? client : lab.server;
        stopped.signal("SIGSTOP");
        await sleep(systemClock, standstillMs);
        stopped.signal("SIGCONT");
        const wokenAt = systemClock.now();
        expect(await client.ended(2 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
        note(`${side} stopped for two minutes`, {
          "seconds to the end": Math.round((systemClock.now() - wokenAt) / 100) / 10,
        });
        await expectAftermath(lab, new Map([["stopped.raw", path]]));
      },
      6 * minuteMs,
    );
  }

  test(
    "a writer on standard input that pauses for half a minute, with a cut and a server restart in between",
    async () => {
      await using network = await openNetwork();
      const { lab, proxy } = network;
      const content = crypto.getRandomValues(new Uint8Array(60_000));
      const path = await lab.file("slow.raw", content);
      const args = ["-q", "--retry-for", "10m", "-k", "sample:S-17", "-n", "slow.raw"];
      await using client = lab.startDync([...args, `127.0.0.1:${proxy.port}`, "-"], { stdin: "pipe" });
      const stdin = client.child.stdin as unknown as Bun.FileSink;
      for (let part = 0; part < 6; part++) {
        stdin.write(content.subarray(part * 10_000, (part + 1) * 10_000));
        await stdin.flush();
        await sleep(systemClock, part === 2 ? 32_000 : 1000);
        if (part === 3) proxy.cut();
        if (part !== 4) continue;
        await lab.server.kill();
        await lab.start();
      }
      await stdin.end();
      expect(await client.ended(2 * minuteMs)).toMatchObject({ code: 0, stderr: "" });
      await expectAftermath(lab, new Map([["slow.raw", path]]));
    },
    4 * minuteMs,
  );
});
