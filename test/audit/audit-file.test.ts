// The file of the audit log on a real disk: where a start goes on, what is left of a crash, and a disk that takes nothing.

import { describe, expect, test } from "bun:test";
import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import type { AuditEvent } from "../../src/audit/audit.ts";
import { Chain } from "../../src/audit/chain.ts";
import { AuditFile } from "../../src/audit/file/audit-file.ts";
import { auditFilesIn } from "../../src/audit/file/audit-files.ts";
import { readLines } from "../../src/audit/file/read-lines.ts";
import { systemClock } from "../../src/base/clock.ts";
import type { LogFields, Logger } from "../../src/base/log.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { startProgram } from "../support/programs.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

type Line = Record<string, unknown> & { readonly event: string };

/** A clock that stands still, in a month of its own choice, and timers of which a test says when they are over. */
class MonthClock extends ManualClock {
  month = "2026-01";

  override date(): Date {
    return new Date(`${this.month}-02T03:04:05.000Z`);
  }
}

class Lines implements Logger {
  readonly all: string[] = [];

  log(_level: string, message: string, _fields?: LogFields): void {
    this.all.push(message);
  }
}

interface World {
  readonly folder: TempFolder;
  readonly clock: MonthClock;
  readonly log: Lines;
  open(): AuditFile;
  /** Records these in one life of a server. */
  live(...events: readonly AuditEvent[]): Promise<void>;
}

async function world(): Promise<World & AsyncDisposable> {
  const folder = await tempFolder();
  const clock = new MonthClock();
  const log = new Lines();
  const open = () => new AuditFile({ folder: folder.file("audit"), clock, logger: log });
  const live = async (...events: readonly AuditEvent[]) => {
    await using audit = open();
    for (const event of events) audit.record(event);
  };
  return { folder, clock, log, open, live, [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose]() };
}

/** All lines, which have to be a chain. */
async function linesIn(folder: string): Promise<readonly Line[]> {
  const chain = new Chain();
  const all: Line[] = [];
  for (const name of auditFilesIn(folder)) {
    const onLines = (lines: readonly Buffer[]): void => {
      for (const line of lines) {
        expect(chain.add(line)).toBeNull();
        all.push(JSON.parse(line.toString()));
      }
    };
    const signal = new AbortController().signal;
    expect(await readLines({ path: join(folder, name), clock: systemClock, signal, onLines })).toBe(0);
  }
  return all;
}

const eventsOf = (lines: readonly Line[]) => lines.map(({ event }) => event);
const admitted = (name: string): AuditEvent => ({ event: "admitted", name });

describe("the audit log", () => {
  test("goes on where the process before it ended, and in a new file with a new month", async () => {
    await using it = await world();
    await it.live({ event: "started" }, { event: "stopped" });
    it.clock.month = "2026-02";
    await it.live({ event: "started" });
    // A clock that goes back.
    it.clock.month = "2025-12";
    await it.live({ event: "stopped" });
    expect(readdirSync(it.folder.file("audit")).sort()).toEqual([
      "audit-2026-01.jsonl",
      "audit-2026-02.jsonl",
    ]);
    expect(eventsOf(await linesIn(it.folder.file("audit")))).toEqual([
      ...["started", "stopped", "started", "stopped"],
    ]);
  });

  test("begins another file while it runs when the month is over", async () => {
    await using it = await world();
    await using audit = it.open();
    audit.record({ event: "started" });
    it.clock.month = "2026-02";
    audit.record({ event: "stopped" });
    expect(await linesIn(it.folder.file("audit"))).toHaveLength(2);
    expect(auditFilesIn(it.folder.file("audit"))).toHaveLength(2);
  });

  test("a line is there as soon as it is recorded", async () => {
    await using it = await world();
    await using audit = it.open();
    for (let number = 1; number <= 20; number++) {
      audit.record(admitted(`${number}`));
      const text = readFileSync(it.folder.file("audit", "audit-2026-01.jsonl"), "utf8");
      expect(text.split("\n")).toHaveLength(number + 1);
    }
  });

  test("a last line that is there in part is kept in a line of its own, wherever it was cut", async () => {
    await using it = await world();
    await it.live(admitted("a"), admitted("Lauf 42 – µ"));
    const path = it.folder.file("audit", "audit-2026-01.jsonl");
    const whole = readFileSync(path);
    const start = whole.indexOf("\n") + 1;
    for (let end = start + 1; end < whole.length; end++) {
      writeFileSync(path, whole.subarray(0, end));
      await it.live(admitted("b"));
      const lines = await linesIn(it.folder.file("audit"));
      expect(eventsOf(lines)).toEqual(["admitted", "cut", "admitted"]);
      const cut = lines[1] as Line & { text?: string[]; base64?: string[]; bytes: number };
      const kept = cut.text
        ? Buffer.from(cut.text.join(""))
        : Buffer.from((cut.base64 ?? []).join(""), "base64");
      expect(kept).toEqual(whole.subarray(start, end));
      expect(cut.bytes).toBe(end - start);
    }
  });

  test("the first line of a file, and half a line behind a month that is over, are mended alike", async () => {
    await using it = await world();
    await it.live(admitted("a"));
    it.clock.month = "2026-02";
    writeFileSync(it.folder.file("audit", "audit-2026-02.jsonl"), '{"sche');
    await it.live(admitted("b"));
    expect(eventsOf(await linesIn(it.folder.file("audit")))).toEqual(["admitted", "cut", "admitted"]);
    it.clock.month = "2026-03";
    appendFileSync(it.folder.file("audit", "audit-2026-02.jsonl"), Buffer.alloc(70_000));
    await it.live(admitted("c"));
    const lines = await linesIn(it.folder.file("audit"));
    expect(eventsOf(lines)).toEqual(["admitted", "cut", "admitted", "cut", "admitted"]);
    expect(lines[3]?.bytes).toBe(70_000);
  });

  test("a last line that is none is told, and what comes behind it has the next number", async () => {
    await using it = await world();
    await it.live(admitted("a"), admitted("b"));
    appendFileSync(it.folder.file("audit", "audit-2026-01.jsonl"), "\0\0\0\n");
    await it.live(admitted("c"));
    expect(it.log.all).toContain("The last line of the audit log is damaged");
    const text = readFileSync(it.folder.file("audit", "audit-2026-01.jsonl"), "utf8");
    const chain = new Chain();
    const faults = text
      .trimEnd()
      .split("\n")
      .map((line) => chain.add(Buffer.from(line)));
    expect(faults.slice(0, 3)).toEqual([null, null, "This is no line of an audit log"]);
    const [damaged, last] = text
      .trimEnd()
      .split("\n")
      .slice(3)
      .map((line) => JSON.parse(line));
    expect([damaged.sequence, damaged.event, last.sequence, last.name]).toEqual([4, "damaged", 5, "c"]);
  });

  test("what changes or removes the file while the server runs breaks the chain, and ends nothing", async () => {
    await using it = await world();
    await using audit = it.open();
    audit.record(admitted("a"));
    const path = it.folder.file("audit", "audit-2026-01.jsonl");
    renameSync(path, `${path}.old`);
    it.clock.advance(1000);
    audit.record(admitted("b"));
    expect(it.log.all).toContain("The file of the audit log was taken away: another one is begun");
    expect(JSON.parse(readFileSync(path, "utf8"))).toMatchObject({ sequence: 2, name: "b" });
    // With the one that was taken away it is whole again.
    writeFileSync(path, Buffer.concat([readFileSync(`${path}.old`), readFileSync(path)]));
    expect(await linesIn(it.folder.file("audit"))).toHaveLength(2);
  });
});

describe.skipIf(process.platform !== "linux")("a disk that takes nothing", () => {
  test("stops nobody: events wait, and the log and a line say what was", async () => {
    await using it = await world();
    await it.live(admitted("a"));
    const path = it.folder.file("audit", "audit-2026-01.jsonl");
    it.clock.month = "2026-02";
    const full = it.folder.file("audit", "audit-2026-02.jsonl");
    symlinkSync("/dev/full", full);
    await using audit = it.open();
    audit.record(admitted("b"));
    audit.record(admitted("c"));
    it.clock.advance(60_000);
    expect(it.log.all.filter((line) => line.includes("events wait"))).toHaveLength(1);
    rmSync(full);
    it.clock.advance(5_000);
    expect(it.log.all).toContain("The audit log is written again");
    const lines = await linesIn(it.folder.file("audit"));
    expect(eventsOf(lines)).toEqual(["admitted", "admitted", "admitted", "gap"]);
    expect(lines.at(-1)).toMatchObject({ lost: 0, since: "2026-02-02T03:04:05.000Z" });
    expect(String(lines.at(-1)?.reason)).toContain("ENOSPC");
    expect(readFileSync(path, "utf8").split("\n")).toHaveLength(2);
  });

  test("for too long loses events, bounded in memory, and says how many and where", async () => {
    await using it = await world();
    const file = it.folder.file("audit");
    writeFileSync(file, "no folder");
    await using audit = it.open();
    for (let number = 0; number < 10_500; number++) audit.record(admitted(`${number}`));
    rmSync(file);
    it.clock.advance(5_000);
    audit.record(admitted("later"));
    const lines = await linesIn(file);
    expect(lines).toHaveLength(10_002);
    expect(lines.slice(-3)).toMatchObject([
      { event: "admitted", name: "9999" },
      { event: "gap", lost: 500 },
      { event: "admitted", name: "later" },
    ]);
  });

  test("until the end is said at the end", async () => {
    await using it = await world();
    writeFileSync(it.folder.file("audit"), "no folder");
    await it.live(admitted("a"));
    expect(it.log.all).toContain("Events are missing from the audit log");
  });
});

test("a process that is killed leaves every line that it told of, and a chain that goes on", async () => {
  await using folder = await tempFolder();
  const audit = folder.file("audit");
  const told: string[] = [];
  for (let run = 1; run <= 6; run++) {
    const writer = join(import.meta.dir, "audit-writer.ts");
    await using program = startProgram([process.execPath, writer, audit, String(run)]);
    await program.line(new RegExp(`^${run}-${run * 40}$`));
    const { stdout } = await program.kill();
    told.push(...stdout.split("\n").slice(0, -1));
  }
  // The last one may have left half a line, as those before it, which the next start mends.
  await using next = new AuditFile({ folder: audit, clock: systemClock, logger: new Lines() });
  next.record({ event: "started" });
  const names = (await linesIn(audit)).map(({ name }) => name);
  expect(told.filter((name) => !names.includes(name))).toEqual([]);
  expect(told.length).toBeGreaterThan(800);
});
