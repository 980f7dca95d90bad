// The server's log: bounded whatever peers do, and back after its disk was full.

import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { logAfterFlood, timesTold } from "../support/flood.ts";
import { openLab } from "../support/lab.ts";
import { lastingPort } from "../support/ports.ts";
import { startProgram } from "../support/programs.ts";
import { referenceMissing } from "../support/reference.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";

const floodMissing = executablesMissing ?? referenceMissing;
const logBytesMax = 100_000;

describe.skipIf(floodMissing !== null)(`what peers write into the log (${floodMissing ?? "pyzmq"})`, () => {
  test("damaged messages of one key leave a few lines and a number", async () => {
    await using lab = await openLab({ inMemory: true });
    const log = await logAfterFlood(lab, "malformed", 30_000);
    expect(log.length).toBeLessThan(logBytesMax);
    // Those that come in one turn of the server's loop are one.
    expect(log).toMatch(/"Malformed message","user":"alice",.*"times":\d+}/);
    expect(timesTold(log, "Malformed message")).toBeWithin(6, 30_001);
  });

  test("keys that nobody knows leave a few lines with fingerprints", async () => {
    await using lab = await openLab({ inMemory: true });
    const log = await logAfterFlood(lab, "refused", 1000);
    expect(log.length).toBeLessThan(logBytesMax);
    expect(log).toMatch(/"Key refused","key":"SHA256:[^"]{43}","address":"127\.0\.0\.1"}/);
    expect(timesTold(log, "Key refused")).toBe(1000);
  });

  test("240 KB of metadata of which every name is wrong leaves a line of a few KB", async () => {
    await using lab = await openLab({ inMemory: true });
    const log = await logAfterFlood(lab, "wide");
    expect(log).toContain("given twice");
    expect(Math.max(...log.split("\n").map((line) => line.length))).toBeLessThan(2048);
  });
});

const diskMissing = executablesMissing ?? smallDiskMissing;

test.skipIf(diskMissing !== null)(
  `a log whose disk was full comes back, and says what was lost (${diskMissing ?? "compiled"})`,
  async () => {
    await using lab = await openLab({ inMemory: true });
    await lab.server.stop();
    await using disk = mountSmallDisk(64 * 1024);
    const file = join(disk.path, "server.log");
    const port = await lastingPort();
    const command = `exec "$0" run --data "$1" --bind 127.0.0.1 --port ${port} --log-format json 2>>"$2"`;
    await using server = startProgram(["sh", "-c", command, lab.programs.dyncServer, lab.data, file], {
      env: { DYNC_HOME: lab.homes.server },
    });
    const send = async (name: string): Promise<void> => {
      const path = await lab.file(name, 10);
      const end = await lab.dync(["-k", "sample:S-17", `127.0.0.1:${port}`, path, "--retry-for", "30s"]);
      expect(end).toMatchObject({ code: 0 });
    };
    await send("before.raw");
    await disk.fill(1024 * 1024);
    // More than what is left of the last page of the file.
    for (let count = 0; count < 20; count++) await send(`lost-${count}.raw`);
    expect(readFileSync(file, "utf8")).not.toContain("lost-19.raw");
    await disk.clear();
    await send("after.raw");
    await server.stop();
    const text = readFileSync(file, "utf8");
    const lines = text.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
    const messages = lines.map(
      (line) => JSON.parse(line) as { message: string; lines?: number; reason?: string },
    );
    const loss = messages.find(({ message }) => message === "Log lines lost, they could not be written");
    expect(loss?.reason).toStartWith("ENOSPC");
    const finished = messages.filter(({ message }) => message === "Upload finished").length;
    const started = messages.filter(({ message }) => message === "Upload started").length;
    // 22 uploads of two lines each: every one was written, or is counted as lost.
    expect(finished + started + Number(loss?.lines)).toBe(44);
    expect(text).toContain('"name":"after.raw"');
    expect(text).toContain('"message":"Stopping"');
  },
  60_000,
);
