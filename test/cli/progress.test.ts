import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { displayWidth } from "../../src/cli/display-width.ts";
import { waitText } from "../../src/cli/dync/wait-words.ts";
import { Output } from "../../src/cli/output.ts";
import { openProgress, type ProgressView } from "../../src/cli/progress.ts";
import { type ProgressNumbers, plainLine, terminalLine } from "../../src/cli/progress-line.ts";
import { waitCauses } from "../../src/protocol/wait.ts";
import { CapturedStream } from "../support/captured-stream.ts";
import { ManualClock } from "../support/manual-clock.ts";

const MiB = 1024 * 1024;
const moving: ProgressNumbers = {
  name: "run42.raw",
  taken: 430 * MiB,
  underWay: 100 * MiB,
  total: 1000 * MiB,
  waiting: null,
  nextTryMs: null,
  bytesPerSecond: 112 * MiB,
  remainingMs: 5100,
};

interface Stage {
  readonly view: ProgressView;
  readonly clock: ManualClock;
  readonly stdout: CapturedStream;
  readonly stderr: CapturedStream;
  readonly output: Output;
}

function open(options: {
  readonly isTTY?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}): Stage {
  const clock = new ManualClock();
  const stdout = new CapturedStream();
  const stderr = new CapturedStream({ isTTY: options.isTTY ?? false });
  const output = new Output({ program: "dync", json: options.json ?? false, stdout, stderr, clock });
  if (options.quiet) output.beQuiet();
  return { view: openProgress({ name: "run42.raw", output, clock }), clock, stdout, stderr, output };
}

/** Lets what was queued for the streams reach them. */
async function settle({ output }: Stage): Promise<void> {
  await output.flush();
}

/** Lets time pass as it does: in small steps, with the streams keeping up. */
async function pass(stage: Stage, durationMs: number): Promise<void> {
  for (let left = durationMs; left > 0; left -= 100) {
    stage.clock.advance(Math.min(left, 100));
    await settle(stage);
  }
}

describe("terminalLine()", () => {
  test("says it all where there is room, and the most important part where there is none", () => {
    const at = (columns: number): string => terminalLine(moving, columns).text;
    expect(at(79)).toBe("run42.raw  [#######==---------]   43 %  430 MiB of 1.0 GiB  112 MiB/s  ETA 0:06");
    expect(at(120)).toBe(
      "run42.raw  [#################====-------------------]   43 %  430 MiB of 1.0 GiB  100 MiB under way  112 MiB/s  ETA 0:06",
    );
    expect(at(60)).toBe("run42.raw   43 %  430 MiB of 1.0 GiB  112 MiB/s  ETA 0:06");
    expect(at(40)).toBe("run42.raw   43 %  112 MiB/s  ETA 0:06");
    expect(at(20)).toBe("run42.raw   43 %");
    expect(at(6)).toBe(" 43 %");
    expect(at(0)).toBe("");
  });

  test("says why nothing moves, and when it goes on", () => {
    const waiting = { ...moving, waiting: "connection lost", nextTryMs: 7400 };
    expect(terminalLine(waiting, 79).text).toBe(
      "run42.raw  [######=-------]   43 % of 1.0 GiB  connection lost, next try in 8 s",
    );
    expect(terminalLine(waiting, 50).text).toBe("run42.raw   43 %  connection lost, next try in 8 s");
    expect(terminalLine(waiting, 36).text).toBe("connection lost, next try in 8 s");
  });

  test("has each reason of a server in full on 80 columns, beside a name and how far it is", () => {
    for (const cause of waitCauses) {
      const hasQueue = cause === "memory" || cause === "own";
      const waiting = waitText(hasQueue ? { cause, ahead: 123 } : { cause });
      const { text } = terminalLine({ ...moving, name: "Sample_2026-11-26_run42.raw", waiting }, 77);
      expect(text).toContain(waiting);
      expect(text).toStartWith("Sample_");
      expect(text).toContain("43 %");
    }
  });

  test("cuts a server's words before it cuts when it goes on", () => {
    const text =
      "You have 1000 open uploads, the most that one user may have: no more for now, whatever it is";
    expect(terminalLine({ ...moving, waiting: text, nextTryMs: 7400 }, 77).text).toBe(
      "You have 1000 open uploads, the most that one user may have…, next try in 8 s",
    );
  });

  test("fills the width that is there with the bar, also beside a name that is as long as names get there", () => {
    for (let columns = 72; columns < 220; columns++) {
      const { text, width } = terminalLine({ ...moving, name: "Sample_2026-11-26_run42.raw" }, columns);
      expect(width).toBe(columns);
      expect(/\[([#=-]+)\]/.exec(text)?.[1]?.length ?? 0).toBeGreaterThanOrEqual(10);
    }
  });

  test("knows nothing of the end of a stream", () => {
    expect(terminalLine({ ...moving, total: null, remainingMs: null }, 79).text).toBe(
      "run42.raw  430 MiB  112 MiB/s",
    );
  });

  test("does not claim 100 % before the last byte", () => {
    expect(terminalLine({ ...moving, taken: 1000 * MiB - 1 }, 79).text).toContain(" 99 %");
    expect(terminalLine({ ...moving, taken: 0, total: 0 }, 79).text).toContain("100 %");
  });

  test("never takes more columns than there are", () => {
    const numbers = fc.record({
      name: fc.oneof(fc.string(), fc.string({ unit: "grapheme", maxLength: 60 })),
      taken: fc.maxSafeNat(),
      underWay: fc.maxSafeNat(),
      total: fc.option(fc.maxSafeNat()),
      waiting: fc.option(fc.string({ unit: "grapheme", maxLength: 100 })),
      nextTryMs: fc.option(fc.nat()),
      bytesPerSecond: fc.option(fc.double({ min: 0, max: 1e15, noNaN: true })),
      remainingMs: fc.option(fc.nat()),
    });
    fc.assert(
      fc.property(numbers, fc.nat(200), (it, columns) => {
        const { text, width } = terminalLine(it, columns);
        expect(displayWidth(text)).toBe(width);
        expect(width).toBeLessThanOrEqual(columns);
      }),
    );
  });
});

test("plainLine() says the same on a line of its own", () => {
  expect(plainLine(moving)).toBe(
    "run42.raw: 43 %, 430 MiB of 1.0 GiB, 100 MiB under way, 112 MiB/s, ETA 0:06",
  );
});

describe("openProgress()", () => {
  test("draws at most ten times a second on a terminal, without a line end, and wipes it", async () => {
    const stage = open({ isTTY: true });
    for (let step = 0; step <= 1000; step++) {
      stage.view.update({ taken: step * MiB, underWay: 0, total: 1000 * MiB, waiting: null });
      stage.clock.advance(1);
      await settle(stage);
    }
    const drawn = stage.stderr.text.split("\r").slice(1);
    expect(drawn.length).toBeGreaterThan(5);
    expect(drawn.length).toBeLessThanOrEqual(11);
    expect(stage.stderr.text).not.toContain("\n");
    stage.stderr.text = "";
    stage.view.end();
    await settle(stage);
    expect(stage.stderr.text).toMatch(/^\r {20,79}\r$/);
    stage.clock.advance(60_000);
    await settle(stage);
    expect(stage.stderr.text).toMatch(/^\r {20,79}\r$/);
  });

  test("is drawn again, as wide as the terminal is now, as soon as that changed", async () => {
    const stage = open({ isTTY: true });
    stage.view.update({ taken: 400 * MiB, underWay: 0, total: 1000 * MiB, waiting: null });
    await settle(stage);
    stage.stderr.text = "";
    stage.stderr.columns = 120;
    stage.stderr.emit("resize");
    await settle(stage);
    expect(stage.stderr.text).toMatch(/^\rrun42\.raw {2}\[#+-+\]/);
    expect(stage.stderr.text.length).toBeGreaterThan(90);
    stage.view.end();
    await settle(stage);
    expect(stage.stderr.listenerCount("resize")).toBe(0);
  });

  test("counts down to the next try", async () => {
    const stage = open({ isTTY: true });
    stage.view.update({ taken: 0, underWay: 0, total: 1, waiting: "connection lost", nextTryAt: 8000 });
    await settle(stage);
    expect(stage.stderr.text).toContain("connection lost, next try in 8 s");
    await pass(stage, 5000);
    expect(stage.stderr.text).toEndWith("connection lost, next try in 3 s");
  });

  test("shows a wait only when it lasts", async () => {
    const stage = open({ isTTY: true });
    stage.view.update({ taken: 0, underWay: 0, total: 1, waiting: "waiting for the server" });
    await pass(stage, 500);
    expect(stage.stderr.text).not.toContain("waiting");
    await pass(stage, 600);
    expect(stage.stderr.text).toContain("waiting for the server");
  });

  test("a place in a queue that changes is the same wait", async () => {
    const stage = open({ isTTY: true });
    const at = (ahead: number) => ({ taken: 0, underWay: 0, total: 1, waiting: `${ahead} before it` });
    for (let ahead = 30; ahead > 10; ahead--) {
      stage.view.update(at(ahead));
      await pass(stage, 100);
    }
    expect(stage.stderr.text).toEndWith("11 before it");
  });

  test("puts notes above the line", async () => {
    const stage = open({ isTTY: true });
    stage.view.update({ taken: 0, underWay: 0, total: 1, waiting: null });
    await settle(stage);
    stage.stderr.text = "";
    stage.view.note("The file changed");
    await settle(stage);
    expect(stage.stderr.text).toMatch(/^\r +\rThe file changed\n\rrun42\.raw/);
  });

  test("prints a line every 10 s where stderr is no terminal", async () => {
    const stage = open({});
    for (let step = 0; step < 250; step++) {
      stage.view.update({ taken: step * MiB, underWay: 0, total: 1000 * MiB, waiting: null });
      stage.clock.advance(100);
    }
    stage.view.end();
    await settle(stage);
    expect(stage.stderr.takeLines()).toEqual([
      "run42.raw: 9 %, 99 MiB of 1.0 GiB, 9.8 MiB/s, ETA 1:32",
      "run42.raw: 19 %, 199 MiB of 1.0 GiB, 9.8 MiB/s, ETA 1:22",
    ]);
  });

  test("prints a status line a second with --json, on stdout", async () => {
    const stage = open({ json: true, isTTY: true });
    for (let step = 0; step <= 30; step++) {
      stage.view.update({ taken: step * MiB, underWay: 0, total: 100 * MiB, waiting: null });
      stage.clock.advance(100);
    }
    stage.view.note("nothing for programs");
    stage.view.end();
    await settle(stage);
    expect(stage.stderr.text).toBe("");
    const lines = stage.stdout.takeLines().map((line) => JSON.parse(line));
    expect(lines).toHaveLength(4);
    expect(lines[0]).toEqual({
      schema: 1,
      type: "status",
      name: "run42.raw",
      sent: 0,
      underWay: 0,
      total: 100 * MiB,
      waiting: null,
      reason: null,
      ahead: null,
      nextTrySeconds: null,
      bytesPerSecond: null,
      remainingSeconds: null,
    });
    expect(lines[3]).toMatchObject({ sent: 29 * MiB, bytesPerSecond: expect.any(Number) });
  });

  test("prints nothing with -q", async () => {
    const stage = open({ quiet: true, isTTY: true });
    stage.view.update({ taken: 0, underWay: 0, total: 1, waiting: "connection lost", nextTryAt: 8000 });
    stage.view.note("nothing");
    stage.clock.advance(60_000);
    stage.view.end();
    await settle(stage);
    expect(stage.stderr.text + stage.stdout.text).toBe("");
  });

  test("does not count what the server had already as speed", async () => {
    const stage = open({ json: true });
    const total = 1000 * MiB;
    stage.view.update({ taken: 0, underWay: 0, total, waiting: "connecting", isStill: true });
    stage.clock.advance(1000);
    stage.view.update({ taken: 500 * MiB, underWay: 0, total, waiting: null });
    stage.clock.advance(900);
    stage.view.update({ taken: 501 * MiB, underWay: 0, total, waiting: null });
    stage.clock.advance(500);
    await settle(stage);
    const last = JSON.parse(stage.stdout.takeLines().at(-1)!);
    expect(last.bytesPerSecond).toBeLessThan(2 * MiB);
    expect(last.remainingSeconds).toBeGreaterThan(400);
  });
});
