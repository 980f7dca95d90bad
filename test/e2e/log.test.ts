// The server's log: bounded whatever peers do, and back after its disk was full.

import { describe, expect, test } from "bun:test";
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { executablesMissing } from "../support/executables.ts";
import { logAfterFlood, timesTold } from "../support/flood.ts";
import { openLab } from "../support/lab.ts";
import { lastingPort } from "../support/ports.ts";
import { jsonLines, startProgram } from "../support/programs.ts";
import { referenceMissing } from "../support/reference.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";
import { tempFolder } from "../support/temp-folder.ts";

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

describe.skipIf(executablesMissing !== null)(`the two logs (${executablesMissing ?? "compiled"})`, () => {
  interface Line {
    readonly message: string;
    readonly path?: string;
    readonly sha256?: string;
  }
  const linesOf = (file: string): readonly Line[] => jsonLines(readFileSync(file, "utf8"));
  const finishedIn = (file: string): (string | undefined)[] =>
    linesOf(file)
      .filter(({ message }) => message === "Upload finished")
      .map(({ path }) => path);

  test("people read short lines in local time while a program finds files and checksums, also after rotation", async () => {
    await using lab = await openLab({ inMemory: true });
    await lab.server.stop();
    const file = lab.folder.file("log.json");
    const settings = join(lab.homes.server, "server.toml");
    writeFileSync(settings, `log-file = ${JSON.stringify(file)}\n`);
    const port = await lastingPort();
    const command = [
      lab.programs.dyncServer,
      "--data",
      lab.data,
      "--bind",
      "127.0.0.1",
      "--port",
      String(port),
    ];
    // Fourteen hours ahead of UTC.
    const env = { DYNC_HOME: lab.homes.server, TZ: "Pacific/Kiritimati" };
    const before = Date.now();
    await using server = startProgram(command, { env });
    const send = async (name: string): Promise<void> => {
      const path = await lab.file(name, 1000);
      const end = await lab.dync([
        "-q",
        "-k",
        "sample:S-17",
        `127.0.0.1:${port}`,
        path,
        "--retry-for",
        "30s",
      ]);
      expect(end).toMatchObject({ code: 0 });
    };
    await send("one.raw");
    const [text] = await server.line(
      /^(\S+ \S+) info {2}Upload finished user=alice name=one\.raw size=1\.0KiB .*$/m,
    );
    expect(text).not.toContain("sha256");
    const time = Date.parse(`${text.slice(0, 19).replace(" ", "T")}+14:00`);
    expect(time).toBeWithin(before - 1000, Date.now() + 1);
    const [{ sha256 }] = linesOf(file).filter(({ path }) => path === lab.stored("one.raw")) as [Line];
    const hash = new Bun.CryptoHasher("sha256").update(readFileSync(lab.stored("one.raw")));
    expect(sha256).toBe(hash.digest("hex"));

    // As logrotate does it, also while somebody is about to write the configuration.
    renameSync(file, `${file}.1`);
    writeFileSync(settings, "half a li");
    const reload = await lab.dyncServer(["reload"]);
    expect(reload.code).toBe(2);
    await send("two.raw");
    expect(finishedIn(`${file}.1`)).toEqual([lab.stored("one.raw")]);
    expect(finishedIn(file)).toEqual([lab.stored("two.raw")]);

    writeFileSync(settings, `log-file = ${JSON.stringify(lab.folder.file("no", "such", "folder"))}\n`);
    const wrong = await lab.dyncServer(["reload"]);
    expect(wrong.stderr).toContain(`there is no folder ${lab.folder.file("no", "such")}`);
    await send("three.raw");
    // Nothing is lost by a slip.
    expect(finishedIn(file)).toEqual(["two.raw", "three.raw"].map((name) => lab.stored(name)));
    await server.stop();
    // Behind it comes how far the audit log is written.
    expect(linesOf(file).map(({ message }) => message)).toContain("Stopping");
  });

  test.skipIf(process.platform === "win32")("SIGHUP opens the file anew", async () => {
    await using folder = await tempFolder();
    const file = folder.file("log.json");
    await using lab = await openLab({ inMemory: true, server: ["--log-file", file] });
    renameSync(file, `${file}.1`);
    process.kill(lab.server.child.pid, "SIGHUP");
    await lab.server.line(/Configuration read again/);
    await lab.send([await lab.file("after.raw", 10)]);
    expect(finishedIn(file)).toEqual([lab.stored("after.raw")]);
  });

  test("a server whose log file cannot be opened does not start, and says why", async () => {
    await using lab = await openLab({ inMemory: true });
    const end = await lab.dyncServer(["--data", lab.data, "--log-file", lab.data]);
    expect(end).toMatchObject({
      code: 2,
      stdout: "",
      stderr:
        `dync-server: error: The log file ${lab.data} cannot be written: it is a folder\n` +
        "dync-server: hint: its folder has to be there, and the server's user has to be able to write in it\n",
    });
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
);
