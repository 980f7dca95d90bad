import { describe, expect, test } from "bun:test";
import { open, readFile, rename, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { DyncError } from "../../src/base/error.ts";
import { isJournal } from "../../src/cli/journal.ts";
import { openLog } from "../../src/cli/log.ts";
import { CapturedStream } from "../support/captured-stream.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { mountSmallDisk, smallDiskMissing } from "../support/small-disk.ts";
import { tempFolder } from "../support/temp-folder.ts";

const plain = { clock: new ManualClock(), file: null, level: "info" } as const;

test("text lines have time, level, message and fields that cannot break the line", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ ...plain, stream, format: "text" });
  logger.log("debug", "Left out");
  logger.log("info", "Upload started", { user: "meyer", name: "run 42\n.raw", size: 5, gone: undefined });
  logger.log("error", "Storing failed", { reason: 'no "space"', x: null, y: true, z: "" });
  await flush(1000);
  expect(stream.text).toBe(
    '2026-01-02 03:04:05 info  Upload started user=meyer name="run 42\\n.raw" size=5B\n' +
      '2026-01-02 03:04:05 error Storing failed reason="no \\"space\\"" x=null y=true z=""\n',
  );
});

test("text is short: what only programs need is not in it, and sizes are read at a glance", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ ...plain, stream, format: "text" });
  const upload = "0a1b2c3d4e5f60718293a4b5c6d7e8f9";
  const about = { upload, user: "meyer", name: "run.raw" };
  const stored = { path: "/srv/dync/meyer/run.raw", size: 3 * 1024 ** 3, sha256: "ab".repeat(32) };
  logger.log("info", "Upload finished", { ...about, ...stored, seconds: 30.5, rate: 105_605_481 });
  logger.log("info", "Upload resumed", { ...about, offset: 0 });
  // From standard input: nobody knows.
  logger.log("info", "Upload started", { ...about, size: null, path: "ms/run.raw" });
  await flush(1000);
  expect(stream.takeLines()).toEqual([
    "2026-01-02 03:04:05 info  Upload finished user=meyer name=run.raw size=3.0GiB seconds=30.5 rate=101MiB/s upload=0a1b2c3d",
    "2026-01-02 03:04:05 info  Upload resumed user=meyer name=run.raw offset=0B upload=0a1b2c3d",
    "2026-01-02 03:04:05 info  Upload started user=meyer name=run.raw path=ms/run.raw upload=0a1b2c3d",
  ]);
});

test("systemd's journal gets the level in its own way, and no second time", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ ...plain, stream, format: "text", level: "debug", isJournal: true });
  for (const level of ["debug", "info", "warn", "error"] as const) logger.log(level, "Said", { level });
  await flush(1000);
  expect(stream.takeLines()).toEqual([
    "<7>debug Said level=debug",
    "<6>info  Said level=info",
    "<4>warn  Said level=warn",
    "<3>error Said level=error",
  ]);
});

test("the journal is what JOURNAL_STREAM says, unless it is something else by now", async () => {
  await using folder = await tempFolder();
  await using file = await open(folder.file("journal"), "w");
  const { dev, ino } = await file.stat({ bigint: true });
  expect(isJournal(file.fd, { JOURNAL_STREAM: `${dev}:${ino}` })).toBe(true);
  expect(isJournal(file.fd, { JOURNAL_STREAM: `${dev}:${ino + 1n}` })).toBe(false);
  expect(isJournal(file.fd, { JOURNAL_STREAM: "" })).toBe(false);
  expect(isJournal(file.fd, {})).toBe(false);
  expect(isJournal(1_000_000, { JOURNAL_STREAM: `${dev}:${ino}` })).toBe(false);
});

test("JSON lines hold the same as members", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ ...plain, stream, format: "json", level: "debug" });
  logger.log("debug", "Upload started", { name: "a\u202e\u001b", size: 5 });
  await flush(1000);
  expect(stream.text).toBe(
    '{"time":"2026-01-02T03:04:05.000Z","level":"debug","message":"Upload started","name":"a\\u202e\\u001b","size":5}\n',
  );
});

test("lines that nobody reads are dropped and counted, never waited for", async () => {
  const stream = new CapturedStream();
  stream.isStuck = true;
  const { logger, flush } = openLog({ ...plain, stream, format: "text" });
  const line = "x".repeat(80);
  for (let count = 0; count < 20_000; count++) logger.log("info", line);
  // Not even their end is waited for.
  await Promise.resolve();
  expect(stream.text.length).toBeLessThan(100_000);
  stream.goOn();
  await flush(1000);
  const written = stream.text.split("\n").filter((it) => it.endsWith(line)).length;
  expect(stream.text.length).toBeLessThan(1_100_000);
  expect(stream.text).toContain(`Log lines dropped, nobody read them in time lines=${20_000 - written}\n`);
});

test("a log that failed goes on, and says what was lost and why", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ ...plain, stream, format: "text" });
  const line = async (message: string): Promise<void> => {
    logger.log("info", message);
    await flush(1000);
  };
  await line("Before");
  stream.fault = Object.assign(new Error("ENOSPC: no space left on device"), { code: "ENOSPC" });
  for (let count = 0; count < 3; count++) await line("Lost");
  stream.fault = null;
  await line("After");
  await line("Again");
  expect(stream.text).toBe(
    "2026-01-02 03:04:05 info  Before\n" +
      // Of the line that failed a part may be there.
      "\n2026-01-02 03:04:05 warn  Log lines lost, they could not be written lines=3 " +
      'reason="ENOSPC: no space left on device"\n' +
      "2026-01-02 03:04:05 info  After\n" +
      "2026-01-02 03:04:05 info  Again\n",
  );
});

test("what a peer provokes is counted, and told at the latest at the end", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ ...plain, stream, format: "json", level: "warn" });
  for (let count = 0; count < 300_000; count++) {
    logger.log("warn", "Malformed message", { user: "anna", code: 400, reason: "x".repeat(5000) });
    logger.log("info", "Upload started", { user: "anna" });
  }
  await flush(1000);
  expect(stream.text.length).toBeLessThan(10_000);
  expect(stream.text).toContain('"times":299995}');
  expect(stream.text).not.toContain("Upload started");
});

test("a reader that went away is no error", async () => {
  const stream = new CapturedStream();
  const { logger, flush } = openLog({ ...plain, stream, format: "text" });
  stream.destroy(new Error("EPIPE"));
  await Promise.resolve();
  logger.log("info", "Nobody hears this");
  await flush(1000);
  expect(stream.text).toBe("");
});

describe("the file for programs", () => {
  const textOf = async (path: string): Promise<string[]> =>
    (await readFile(path, "utf8")).split("\n").map((line) => line.replace(/^\{"time":"[^"]+","level":/, "{"));

  test("has every line as JSON while people read text, and goes on behind what is there", async () => {
    await using folder = await tempFolder();
    const file = folder.file("log.json");
    await writeFile(file, "before\n");
    const stream = new CapturedStream();
    await using log = openLog({ ...plain, stream, format: "text", file });
    await log.reopen();
    log.logger.log("debug", "Left out");
    log.logger.log("info", "Upload finished", { user: "meyer", path: "/srv/meyer/a b" });
    await log.flush(1000);
    expect(await textOf(file)).toEqual([
      "before",
      '{"info","message":"Upload finished","user":"meyer","path":"/srv/meyer/a b"}',
      "",
    ]);
    expect(stream.text).toBe("2026-01-02 03:04:05 info  Upload finished user=meyer\n");
  });

  test("is made for its user and group alone", async () => {
    await using folder = await tempFolder();
    const file = folder.file("log.json");
    await using log = openLog({ ...plain, stream: new CapturedStream(), format: "text", file });
    await log.reopen();
    if (process.platform !== "win32") expect((await stat(file)).mode & 0o137).toBe(0);
  });

  test("may be moved away: lines follow it until it is opened anew, and none is lost", async () => {
    await using folder = await tempFolder();
    const [file, moved] = [folder.file("log.json"), folder.file("log.json.1")];
    const stream = new CapturedStream();
    await using log = openLog({ ...plain, stream, format: "text", file });
    log.logger.log("info", "One");
    await log.flush(1000);
    await rename(file, moved);
    log.logger.log("info", "Two");
    await log.flush(1000);
    const opened = log.reopen();
    log.logger.log("info", "Three");
    await Promise.all([opened, log.flush(1000)]);
    expect(await textOf(moved)).toEqual(['{"info","message":"One"}', '{"info","message":"Two"}', ""]);
    expect(await textOf(file)).toEqual(['{"info","message":"Three"}', ""]);
  });

  test("may become another one, or none, while the log is open", async () => {
    await using folder = await tempFolder();
    const options = { ...plain, stream: new CapturedStream(), format: "text" as const };
    const live: { file: string | null } = { file: folder.file("a") };
    await using log = openLog({
      ...options,
      get file() {
        return live.file;
      },
    });
    for (const [name, message] of [
      ["a", "One"],
      ["b", "Two"],
      [null, "Three"],
    ] as const) {
      live.file = name === null ? null : folder.file(name);
      await log.reopen();
      log.logger.log("info", message);
      await log.flush(1000);
    }
    expect(await textOf(folder.file("a"))).toEqual(['{"info","message":"One"}', ""]);
    expect(await textOf(folder.file("b"))).toEqual(['{"info","message":"Two"}', ""]);
  });

  test("that cannot be opened is an error that says why, and the one before goes on", async () => {
    await using folder = await tempFolder();
    const stream = new CapturedStream();
    const live = { file: folder.file("log.json") };
    await using log = openLog({
      ...plain,
      stream,
      format: "text",
      get file() {
        return live.file;
      },
    });
    await log.reopen();
    const why = async (path: string): Promise<string> => {
      live.file = path;
      return await log.reopen().then(
        () => "no error",
        (error: DyncError) => `${error.code}: ${error.message.replaceAll(folder.path, "DIR")}`,
      );
    };
    expect(await why(folder.file("missing", "log"))).toBe(
      `configuration: The log file ${join("DIR", "missing", "log")} cannot be written: there is no folder ${join("DIR", "missing")}`,
    );
    expect(await why(folder.path)).toStartWith("configuration: The log file DIR cannot be written: ");
    if (process.platform === "linux") {
      expect(await why("/dev/null")).toBe("configuration: The log file /dev/null is no file");
    }
    log.logger.log("info", "Still there");
    await log.flush(1000);
    expect(await textOf(folder.file("log.json"))).toEqual(['{"info","message":"Still there"}', ""]);
  });

  test.skipIf(smallDiskMissing !== null)(
    `on a disk that is full says so once, loses what it must, and comes back (${smallDiskMissing ?? "tmpfs"})`,
    async () => {
      await using disk = mountSmallDisk(64 * 1024);
      const file = join(disk.path, "log.json");
      const stream = new CapturedStream();
      await using log = openLog({ ...plain, stream, format: "text", file });
      const line = async (message: string): Promise<void> => {
        log.logger.log("info", message);
        await log.flush(1000);
      };
      await line("Before");
      await disk.fill(1024 * 1024);
      // More than what is left of the last page of the file.
      for (let count = 0; count < 10; count++) await line("x".repeat(1000));
      await disk.clear();
      await line("After");
      expect(stream.text).toContain(" info  After\n");
      const told = stream.takeLines().filter((it) => it.includes("cannot be written"));
      expect(told).toHaveLength(1);
      expect(told[0]).toContain(`error The log file ${file} cannot be written: ENOSPC`);
      const lines = await textOf(file);
      expect(lines.at(-2)).toBe('{"info","message":"After"}');
      const [, lost] = /"lines":(\d+),"reason":"ENOSPC/.exec(lines.at(-3) as string) ?? [];
      // One of them may be there in part.
      expect(lines.filter((it) => it.includes("xxx") && it.endsWith('"}')).length + Number(lost)).toBe(10);
    },
  );
});
