// What is shown of a batch: in sight, redrawn, resized and gone; and what programs and logs get.

import { describe, expect, test } from "bun:test";
import { BatchProgress, type FileView } from "../../src/cli/batch-progress.ts";
import { knowsEscapes, Output } from "../../src/cli/output.ts";
import { CapturedStream } from "../support/captured-stream.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { Screen } from "../support/screen.ts";

const MiB = 1024 * 1024;

interface StageOptions {
  readonly columns?: number;
  readonly isTTY?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly environment?: Record<string, string>;
  readonly files?: number | null;
  readonly bytes?: number | null;
  readonly waitsAfterMs?: number;
}

class Stage {
  readonly clock = new ManualClock();
  readonly stdout = new CapturedStream();
  readonly stderr: CapturedStream;
  readonly output: Output;
  readonly progress: BatchProgress;
  readonly screen: Screen;

  constructor(options: StageOptions = {}) {
    const { columns = 80, isTTY = true, json = false, environment = { TERM: "xterm-256color" } } = options;
    const { clock, stdout } = this;
    this.screen = new Screen(columns);
    this.stderr = new CapturedStream({ isTTY, columns });
    this.output = new Output({ program: "dync", json, stdout, stderr: this.stderr, clock, environment });
    if (options.quiet) this.output.beQuiet();
    const { files = 10, bytes = 100 * MiB } = options;
    const { waitsAfterMs } = options;
    const told = waitsAfterMs === undefined ? {} : { linesEveryMs: null, waitsAfterMs };
    this.progress = new BatchProgress({ output: this.output, clock, files, bytes, ...told });
  }

  /** Lets time pass, with the streams keeping up. */
  async pass(durationMs: number): Promise<void> {
    for (let left = durationMs; left > 0; left -= 100) {
      this.clock.advance(Math.min(left, 100));
      await this.output.flush();
    }
  }

  /** What stands on the terminal. */
  async lines(): Promise<readonly string[]> {
    await this.output.flush();
    this.screen.write(this.stderr.text);
    this.stderr.text = "";
    return this.screen.lines;
  }

  /** The terminal's width changes; the program hears of it `laterMs` after. */
  async resize(columns: number, laterMs = 0): Promise<void> {
    await this.lines();
    this.screen.resize(columns);
    await this.pass(laterMs);
    this.stderr.columns = columns;
    this.stderr.emit("resize");
  }
}

function move(view: FileView, taken: number, total = 10 * MiB): void {
  view.update({ taken, underWay: 0, total, waiting: null });
}

describe("on a terminal", () => {
  test("one line is for all, and one for each file that is under way, in the place that it keeps", async () => {
    const stage = new Stage();
    const [a, b, c] = ["a.raw", "b.raw", "c.raw"].map((name) => stage.progress.open(name, 10 * MiB));
    for (const view of [a, b, c]) move(view as FileView, 5 * MiB);
    await stage.pass(100);
    expect(await stage.lines()).toEqual([
      "0 of 10 files  [####-----------------------------]   15 %   15 MiB of 100 MiB",
      "a.raw  [#####################---------------------]   50 %  5.0 MiB of 10 MiB",
      "b.raw  [#####################---------------------]   50 %  5.0 MiB of 10 MiB",
      "c.raw  [#####################---------------------]   50 %  5.0 MiB of 10 MiB",
    ]);
    b?.stored(10 * MiB, false);
    move(stage.progress.open("d.raw", 10 * MiB), 0);
    a?.failed();
    await stage.pass(100);
    const lines = await stage.lines();
    expect(lines.map((line) => line.split(/ {2,}|:/)[0])).toEqual([
      "2 of 10 files, 1 failed",
      "d.raw",
      "c.raw",
    ]);
    // What failed is not waited for any more.
    expect(lines[0]).toContain(" 16 %");
    expect(lines[0]).toContain(" of 90 MiB");
  });

  test("it is redrawn at most ten times a second, and nothing of it stays", async () => {
    const stage = new Stage();
    stage.stderr.text = "$ dync\n";
    const view = stage.progress.open("a.raw", 10 * MiB);
    for (let step = 0; step < 1000; step++) {
      move(view, step * 10_000);
      stage.clock.advance(1);
      await stage.output.flush();
    }
    expect(stage.stderr.text.split("\x1b[?7l")).toHaveLength(1 + 10);
    expect(await stage.lines()).toHaveLength(3);
    stage.progress.end();
    expect(await stage.lines()).toEqual(["$ dync"]);
    expect(stage.stderr.listenerCount("resize")).toBe(0);
    await stage.pass(1000);
    expect(stage.stderr.text).toBe("");
  });

  test("what is printed meanwhile stands above it, and what Ctrl-C echoes goes", async () => {
    const stage = new Stage();
    move(stage.progress.open("a.raw", 10 * MiB), MiB);
    await stage.pass(100);
    stage.stderr.text += "^C";
    stage.progress.above(() => stage.output.say("The file changed"));
    const lines = await stage.lines();
    expect(lines[0]).toBe("The file changed");
    expect(lines.slice(1).map((line) => line.slice(0, 5))).toEqual(["0 of ", "a.raw"]);
    stage.stderr.text += "^C";
    stage.progress.end();
    expect(await stage.lines()).toEqual(["The file changed"]);
  });

  for (const laterMs of [0, 250]) {
    test(`a terminal that becomes narrower or wider, and says so after ${laterMs} ms, has nothing else on it`, async () => {
      const stage = new Stage({ columns: 100 });
      stage.stderr.text = "$ dync\n";
      const views = ["a.raw", "b.raw"].map((name) => stage.progress.open(name, 10 * MiB));
      for (const view of views) move(view, MiB);
      await stage.pass(100);
      for (const columns of [40, 100, 33, 25, 80]) {
        await stage.resize(columns, laterMs);
        for (const view of views) move(view, columns * 10_000);
        await stage.pass(100);
        const lines = await stage.lines();
        expect(lines.map((line) => line.slice(0, 4))).toEqual([
          "$ dy",
          columns >= 80 ? "0 of" : "0/10",
          "a.ra",
          "b.ra",
        ]);
        for (const line of lines) expect(line.length).toBeLessThan(columns);
      }
      stage.progress.end();
      expect(await stage.lines()).toEqual(["$ dync"]);
    });
  }

  test("no more lines are drawn than there is room for", async () => {
    const stage = new Stage({ files: 100 });
    stage.stderr.rows = 6;
    for (let number = 0; number < 20; number++) move(stage.progress.open(`${number}.raw`, 10 * MiB), 0);
    await stage.pass(100);
    expect(await stage.lines()).toHaveLength(5);
  });

  test("where the cursor cannot be moved one line is for all, without a single escape sequence", async () => {
    const stage = new Stage({ environment: { TERM: "dumb" } });
    const view = stage.progress.open("a.raw", 10 * MiB);
    for (let step = 1; step < 10; step++) {
      move(view, step * MiB);
      await stage.pass(100);
    }
    stage.progress.above(() => stage.output.say("A note"));
    expect(stage.stderr.text).not.toContain("\x1b");
    const lines = await stage.lines();
    expect(lines).toEqual(["A note", expect.stringMatching(/^0 of 10 files {2}\[#+-+\] {4}9 % /)]);
    stage.progress.end();
    expect(await stage.lines()).toEqual(["A note"]);
  });

  test("a count that is long has the room that it needs", async () => {
    const stage = new Stage({ columns: 40, files: 100_000 });
    move(stage.progress.open("a.raw", 10 * MiB), 0);
    await stage.pass(100);
    expect((await stage.lines())[0]).toStartWith("0/100000 ");
  });
});

test.each<[Record<string, string>, NodeJS.Platform, boolean]>([
  [{ TERM: "xterm-256color" }, "linux", true],
  [{ TERM: "dumb" }, "linux", false],
  [{}, "linux", false],
  [{}, "win32", false],
  [{ WT_SESSION: "1b2c" }, "win32", true],
  [{ ConEmuANSI: "ON" }, "win32", true],
  [{ ConEmuANSI: "OFF" }, "win32", false],
  [{ TERM: "dumb", WT_SESSION: "1b2c" }, "win32", false],
])("with %p on %s a terminal knows escape sequences: %p", (environment, platform, knows) => {
  expect(knowsEscapes(environment, platform)).toBe(knows);
});

test("elsewhere there is a line for all every 10 s", async () => {
  const stage = new Stage({ isTTY: false });
  const view = stage.progress.open("a.raw", 10 * MiB);
  for (let step = 0; step < 25; step++) {
    move(view, (step * MiB) / 4);
    await stage.pass(1000);
  }
  stage.progress.end();
  expect(stage.stderr.takeLines()).toEqual([
    "0 of 10 files: 2 %, 2.3 MiB of 100 MiB, 205 KiB/s, ETA 8:09",
    "0 of 10 files: 4 %, 4.8 MiB of 100 MiB, 205 KiB/s, ETA 7:57",
  ]);
});

test("with --json there is a line a second for each file that is under way, and one for all", async () => {
  const stage = new Stage({ json: true });
  const [a, b] = ["a.raw", "b.raw"].map((name) => stage.progress.open(name, 10 * MiB));
  move(a as FileView, MiB);
  move(b as FileView, MiB);
  await stage.pass(100);
  move(b as FileView, 2 * MiB);
  await stage.pass(900);
  a?.stored(10 * MiB, false);
  b?.failed();
  const c = stage.progress.open("c.raw", 10 * MiB);
  await stage.pass(1000);
  move(c, 0);
  await stage.pass(1000);
  c.failed();
  await stage.pass(5000);
  stage.progress.end();
  const lines = stage.stdout.takeLines().map((line) => JSON.parse(line));
  expect(lines.map(({ type, name }) => name ?? type)).toEqual([
    "a.raw",
    "b.raw",
    "progress",
    "c.raw",
    "progress",
  ]);
  expect(lines[2]).toEqual({
    schema: 1,
    type: "progress",
    files: 10,
    done: 0,
    failed: 0,
    sent: 3 * MiB,
    total: 100 * MiB,
    bytesPerSecond: MiB,
    remainingSeconds: 97,
  });
  expect(lines[4]).toMatchObject({ done: 1, failed: 1, sent: 10 * MiB, total: 90 * MiB });
  expect(stage.stderr.text).toBe("");
});

test("with -q there is nothing", async () => {
  const stage = new Stage({ quiet: true });
  move(stage.progress.open("a.raw", 10 * MiB), MiB);
  await stage.pass(20_000);
  stage.progress.end();
  expect(stage.stderr.text + stage.stdout.text).toBe("");
});

describe("what counts as speed", () => {
  test("is what was sent, and not what was there", async () => {
    const stage = new Stage({ json: true });
    const view = stage.progress.open("a.raw", 10 * MiB);
    view.update({ taken: 0, underWay: 0, total: 10 * MiB, waiting: "connecting", isStill: true });
    await stage.pass(100);
    view.update({ taken: 8 * MiB, underWay: 0, total: 10 * MiB, waiting: "connecting", isStill: true });
    move(view, 8 * MiB);
    stage.progress.open("b.raw", 50 * MiB).stored(50 * MiB, true);
    await stage.pass(900);
    move(view, 9 * MiB);
    await stage.pass(1000);
    const { sent, bytesPerSecond } = JSON.parse(stage.stdout.takeLines().at(-1) as string);
    expect(sent).toBe(59 * MiB);
    expect(bytesPerSecond).toBeLessThan(2 * MiB);
  });

  test("a cut that all wait for is said in the line for all", async () => {
    const stage = new Stage({ isTTY: false });
    const cut = { waiting: "The connection was lost", isStill: true, nextTryAt: 12_000 };
    for (const name of ["a.raw", "b.raw"])
      stage.progress.open(name, 10 * MiB).update({ taken: 0, underWay: 0, total: 10 * MiB, ...cut });
    await stage.pass(10_000);
    expect(stage.stderr.takeLines()).toEqual([
      "0 of 10 files: 0 %, 0 B of 100 MiB, The connection was lost, next try in 2 s",
    ]);
  });

  test("what the server lets all wait for is said in the line for all, once that is longer than a moment", async () => {
    const stage = new Stage({ isTTY: false });
    const held = {
      waiting: "the server is short of memory, 2 uploads before it",
      reason: "memory",
      isHeld: true,
    };
    const [a, b] = ["a.raw", "b.raw"].map((name) => stage.progress.open(name, 10 * MiB));
    for (const view of [a, b]) view?.update({ taken: 0, underWay: 0, total: 10 * MiB, ...held });
    await stage.pass(10_000);
    const line = "0 of 10 files: 0 %, 0 B of 100 MiB, the server is short of memory, 2 uploads before it";
    expect(stage.stderr.takeLines()).toEqual([line]);
    move(b as FileView, MiB);
    await stage.pass(10_000);
    expect(stage.stderr.takeLines().join()).not.toContain("memory");
  });

  test("a log of a watched folder hears of a file that the server lets wait for long, once for each reason", async () => {
    const stage = new Stage({ isTTY: false, waitsAfterMs: 30_000 });
    const held = (reason: string) => ({ waiting: `short of ${reason}`, reason, isHeld: true });
    const [a, b] = ["a.raw", "b.raw"].map((name) => stage.progress.open(name, 10 * MiB));
    const at = { taken: 0, underWay: 0, total: 10 * MiB };
    a?.update({ ...at, ...held("memory") });
    b?.update({ ...at, waiting: "connecting" });
    await stage.pass(30_000);
    expect(stage.stderr.takeLines()).toEqual([]);
    await stage.pass(90_000);
    expect(stage.stderr.takeLines()).toEqual(['"a.raw" waits: short of memory']);
    a?.update({ ...at, ...held("disk") });
    await stage.pass(60_000);
    expect(stage.stderr.takeLines()).toEqual(['"a.raw" waits: short of disk']);
    stage.progress.end();
  });

  test("where the size of all is not known, it is not said", async () => {
    const stage = new Stage({ isTTY: false, files: null, bytes: null });
    move(stage.progress.open("a.raw", null), MiB);
    await stage.pass(10_000);
    expect(stage.stderr.takeLines()).toEqual(["0 files: 1.0 MiB, 0 B/s"]);
  });
});
