// A line of 8 Mbit/s with a delay and a queue, as behind a bad Wi-Fi: what is under way on it when the user stops an
// upload, and what the progress says. Bytes are counted, not seconds: a busy machine makes neither more.

import { describe, expect, test } from "bun:test";
import { createReadStream, readdirSync } from "node:fs";
import { join } from "node:path";
import { Readable } from "node:stream";
import { executablesMissing } from "../support/executables.ts";
import { type FaultyProxy, startFaultyProxy } from "../support/faulty-proxy.ts";
import { type Lab, openLab } from "../support/lab.ts";
import { deadlineMsDefault, type Program, type ProgramOptions } from "../support/programs.ts";

const bytesPerSecond = 1_000_000;
const line = { bytesPerSecond, queueBytes: 256 * 1024, delayMs: 25 };
const sizeBytes = 30_000_000;
// "Within 2 s": this is what passes in that time.
const soonBytes = 2 * bytesPerSecond;
const pollMs = 10;

async function withLine(attack: (lab: Lab, proxy: FaultyProxy) => Promise<void>): Promise<void> {
  await using lab = await openLab({ inMemory: true });
  await using proxy = await startFaultyProxy({
    targetPort: lab.port,
    faults: { line, down: { delayMs: line.delayMs } },
  });
  await attack(lab, proxy);
}

function startSend(
  lab: Lab,
  proxy: FaultyProxy,
  args: readonly string[],
  options: ProgramOptions = {},
): Program {
  return lab.startDync(["-k", "sample:S-17", ...args, `127.0.0.1:${proxy.port}`], options);
}

/** Waits until so much has passed: the line has been full for seconds. */
async function passed(proxy: FaultyProxy, bytes: number): Promise<void> {
  const deadline = performance.now() + deadlineMsDefault;
  while (proxy.counters.bytes.up < bytes) {
    if (performance.now() > deadline) throw new Error(`Only ${proxy.counters.bytes.up} bytes passed`);
    await Bun.sleep(pollMs);
  }
}

describe.skipIf(executablesMissing !== null)(`a slow line (${executablesMissing ?? "compiled"})`, () => {
  test("a user who stops an upload is heard before two seconds' worth of bytes passed; the bytes stay", async () => {
    await withLine(async (lab, proxy) => {
      const path = await lab.file("run.raw", sizeBytes);
      await using sending = lab.startDync(["-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path]);
      await passed(proxy, 3 * bytesPerSecond);
      const before = proxy.counters.bytes.up;
      sending.signal("SIGINT");
      await lab.server.line(/Upload suspended/);
      expect(proxy.counters.bytes.up - before).toBeLessThan(soonBytes);
      const end = await sending.ended();
      expect(end.code).not.toBe(0);
      expect(end.stderr).toContain("dync resume");
      expect(end.stderr).not.toContain("did not hear");
      const rest = await lab.send([path]);
      expect(rest).toMatchObject({ code: 0 });
      await lab.expectStored(path);
    });
  });

  test("uploads whose key is revoked while they go on are kept, and the end says how to go on with them", async () => {
    await withLine(async (lab, proxy) => {
      for (const name of ["one.raw", "two.raw"]) {
        const before = proxy.counters.bytes.up;
        const path = await lab.file(name, sizeBytes);
        await using sending = lab.startDync(["-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path]);
        await passed(proxy, before + bytesPerSecond);
        sending.signal("SIGINT");
        await lab.server.line(new RegExp(`"Upload suspended".*"${name}"`));
        await sending.ended();
      }
      await using resuming = lab.startDync(["resume", "--jobs", "2"]);
      for (const name of ["one.raw", "two.raw"])
        await lab.server.line(new RegExp(`"Upload resumed".*"${name}"`));
      await lab.dyncServer(["clients", "remove", "alice"]);
      const { stdout, stderr } = await resuming.ended();
      expect(stderr).toContain("not authorised on the server any more");
      expect(stdout + stderr).toContain('"dync resume" sends them once mended');
      expect(
        readdirSync(join(lab.homes.client, "uploads")).filter((it) => it.endsWith(".json")),
      ).toHaveLength(2);
    });
  });

  test("standard input that is stopped leaves nothing on the server", async () => {
    await withLine(async (lab, proxy) => {
      const path = await lab.file("run.raw", sizeBytes);
      const stdin = Readable.toWeb(createReadStream(path)) as unknown as ReadableStream;
      await using sending = startSend(lab, proxy, ["-n", "piped.raw"], { stdin });
      await passed(proxy, 3 * bytesPerSecond);
      const before = proxy.counters.bytes.up;
      sending.signal("SIGINT");
      await lab.server.line(/Upload failed.*499/);
      expect(proxy.counters.bytes.up - before).toBeLessThan(soonBytes);
      await sending.ended();
      lab.expectNothingStored("piped");
    });
  });

  test("a line that is dead: the client says that it waits, for some seconds, and a second Ctrl-C leaves at once", async () => {
    await withLine(async (lab, proxy) => {
      const path = await lab.file("run.raw", sizeBytes);
      await using sending = lab.startDync(["-k", "sample:S-17", `127.0.0.1:${proxy.port}`, path]);
      await passed(proxy, bytesPerSecond);
      lab.server.signal("SIGSTOP");
      sending.signal("SIGINT");
      await sending.line(/Telling the server that this upload stops: 3 s at most, Ctrl-C leaves at once/);
      sending.signal("SIGINT");
      const end = await sending.ended();
      expect(end.code).not.toBe(0);
      expect(end.stderr).not.toContain("did not hear");
      lab.server.signal("SIGCONT");
    });
  });

  test("the progress counts what the server has, and no more is under way than two seconds' worth", async () => {
    await withLine(async (lab, proxy) => {
      const path = await lab.file("run.raw", sizeBytes / 3);
      await using sending = lab.startDync(["-k", "sample:S-17", "--json", `127.0.0.1:${proxy.port}`, path]);
      const seen: { sent: number; underWay: number }[] = [];
      while (sending.running && seen.length < 8) {
        await Bun.sleep(pollMs);
        const lines = sending.stdout.split("\n").filter((text) => text.includes('"status"'));
        const last = lines.length > seen.length ? lines[seen.length] : undefined;
        if (last === undefined) continue;
        const status = JSON.parse(last) as { sent: number; underWay: number };
        seen.push(status);
        expect(status.sent).toBeLessThanOrEqual(proxy.counters.bytes.up);
        expect(status.underWay).toBeLessThanOrEqual(soonBytes);
      }
      expect(await sending.ended()).toMatchObject({ code: 0 });
      expect(seen.at(-1)?.sent).toBeGreaterThan(bytesPerSecond);
      expect(seen.some(({ underWay }) => underWay > 0)).toBe(true);
      await lab.expectStored(path);
    });
  });
});
