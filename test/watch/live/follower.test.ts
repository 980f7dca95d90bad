// What a follower does in each case, look by look.

import { beforeEach, describe, expect, test } from "bun:test";
import type { LiveStep } from "../../../src/client/live/feed.ts";
import type { Completion } from "../../../src/watch/completion.ts";
import { Follower } from "../../../src/watch/live/follower.ts";
import { WrittenRun } from "../../support/live/written-run.ts";

const settleMs = 60_000;
const lookMs = 5_000;
const noSign: Completion = { type: "waits", reason: "no-sign", detail: "it waits" };
const signed: Completion = { type: "complete", outcome: "finished", sign: "Done.txt" };

let run: WrittenRun;
let now: number;
let completion: Completion;
let follower: Follower;
let steps: LiveStep[];
let open: Set<string>;

beforeEach(() => {
  run = new WrittenRun();
  [now, completion, steps, open] = [0, noSign, [], new Set()];
  follower = new Follower({ settleMs, runSettleMs: 2 * settleMs }, [], 0);
});

/** Looks for so long, taking what comes; returns that, in short. */
function pass(ms: number): readonly string[] {
  const before = steps.length;
  for (const end = now + ms; now < end; ) {
    now += lookMs;
    run.passed(lookMs);
    run.lookedAt(follower, now);
    follower.end(completion, () => open, now);
    for (let step = follower.next(); step !== undefined; step = follower.next()) {
      // An end is given as often as it is asked for.
      if (step === steps.at(-1)) break;
      steps.push(step);
    }
  }
  return steps.slice(before).map(shown);
}

function shown(step: LiveStep): string {
  if (step.kind === "member") return `${step.entry.type === "file" ? "+" : "/"}${step.path}`;
  if (step.kind === "removed") return `-${step.path}`;
  return step.kind === "aborted" ? `aborted: ${step.why}` : step.kind;
}

describe("a file", () => {
  test("goes when it was quiet for long enough, and not before; the end waits for the sign", () => {
    run.write("a", 10);
    expect(pass(settleMs)).toEqual([]);
    expect(pass(lookMs)).toEqual(["+a"]);
    expect(pass(100 * settleMs)).toEqual([]);
    expect(follower.waiting).toEqual({ reason: "no-sign", detail: "it waits" });
    run.write("Done.txt", 4);
    completion = signed;
    expect(pass(settleMs)).toEqual(["+Done.txt", "end"]);
    expect(follower.waiting).toBeNull();
  });

  test("that took long to be written pauses for longer", () => {
    for (let minutes = 0; minutes < 80; minutes++) {
      run.write("a", 1 + minutes);
      pass(settleMs);
    }
    expect(pass(8 * settleMs)).toEqual([]);
    run.write("a", 100);
    expect(pass(11 * settleMs)).toEqual([]);
    expect(pass(2 * lookMs)).toEqual(["+a"]);
  });

  test("that has no bytes, or a name of what is not done, waits for the sign", () => {
    run.write("a", 0);
    run.write("b.PART", 10);
    expect(pass(100 * settleMs)).toEqual([]);
    completion = signed;
    expect(pass(settleMs)).toEqual(["+a", "+b.PART", "end"]);
  });

  test("that has less in it than it had waits longer", () => {
    run.write("a", 10);
    pass(lookMs);
    run.write("a", 9);
    expect(pass(5 * settleMs)).toEqual([]);
    expect(pass(2 * lookMs)).toEqual(["+a"]);
  });

  test("that a program has open for writing waits for that", () => {
    run.write("a", 10);
    open.add("a");
    completion = signed;
    expect(pass(10 * settleMs)).toEqual([]);
    expect(follower.waiting).toEqual({ reason: "open-for-writing", detail: "a" });
    open.clear();
    expect(pass(2 * lookMs)).toEqual(["+a", "end"]);
  });

  test("that changes goes again, while that costs little beside the rest", () => {
    run.write("large", 100_000);
    run.write("log", 100);
    expect(pass(2 * settleMs)).toEqual(["+large", "+log"]);
    run.write("log", 110);
    expect(pass(4 * settleMs)).toEqual([]);
    expect(pass(2 * lookMs)).toEqual(["+log"]);
    run.write("large", 100_001);
    run.write("log", 120);
    expect(pass(20 * settleMs)).toEqual(["+log"]);
    completion = signed;
    expect(pass(settleMs)).toEqual(["+large", "end"]);
    expect(follower.bytes.inVain).toBe(100_000 + 100 + 110);
  });

  test("that was changed and is what it was again is left as it is", () => {
    run.write("a", 10);
    pass(2 * settleMs);
    const before = run.files.get("a")!;
    run.write("a", 11);
    pass(lookMs);
    run.files.set("a", before);
    completion = signed;
    expect(pass(settleMs)).toEqual(["end"]);
  });

  test("that was found changed while it was read goes again, also behind the end", () => {
    run.write("a", 10);
    completion = signed;
    expect(pass(settleMs)).toEqual(["+a", "end"]);
    follower.changed("a", now);
    expect(pass(settleMs)).toEqual(["+a", "end"]);
    expect(pass(settleMs)).toEqual([]);
  });

  test("that was there before anybody looked, and is older than the rest, goes sooner", () => {
    run.write("a", 10);
    run.passed(2 * settleMs);
    run.write("b", 10);
    expect(pass(4 * lookMs)).toEqual(["+a"]);
  });

  test("that was written for hours before anybody looked pauses for as long as if somebody had looked", () => {
    for (let minutes = 0; minutes < 80; minutes++) {
      run.write("a", 1 + minutes);
      run.passed(settleMs);
    }
    run.passed(2 * settleMs);
    run.write("b", 10);
    expect(pass(9 * settleMs)).toEqual(["+b"]);
    run.write("a", 100);
    expect(pass(10 * settleMs)).toEqual([]);
    expect(pass(2 * settleMs)).toEqual(["+a"]);
  });

  test("that was made, by what its system says, when its calendar begins goes as any other", () => {
    run.write("a", 10);
    run.files.set("a", { ...run.files.get("a")!, born: "315532800000000000" });
    expect(pass(settleMs + lookMs)).toEqual(["+a"]);
  });
});

describe("what is gone", () => {
  test("is taken out after as long as a file has to be quiet, a folder as one", () => {
    for (const path of ["a", "d/a", "d/e/b"]) run.write(path, 10);
    pass(2 * settleMs);
    run.remove("a");
    run.remove("d");
    run.write("b", 10);
    expect(pass(settleMs)).toEqual([]);
    expect(pass(lookMs)).toEqual(["-a", "-d", "+b"]);
  });

  test("and comes back in time is still there", () => {
    run.write("a", 10);
    run.write("b", 10);
    pass(2 * settleMs);
    const before = run.files.get("a")!;
    run.remove("a");
    pass(settleMs - lookMs);
    run.files.set("a", before);
    completion = signed;
    expect(pass(settleMs)).toEqual(["end"]);
  });

  test("goes before what has its name now, in another case or as another kind", () => {
    run.write("a", 10);
    run.write("b/c", 10);
    pass(2 * settleMs);
    run.rename("a", "A");
    run.remove("b");
    run.write("b", 10);
    const given = pass(3 * settleMs);
    expect(given.slice(0, 2).toSorted()).toEqual(["-a", "-b"]);
    expect(given.slice(2).toSorted()).toEqual(["+A", "+b"]);
  });

  test("is nothing that can be told while all, or a part, is not to be seen", () => {
    run.write("a", 10);
    run.write("d/b", 10);
    pass(2 * settleMs);
    completion = signed;
    for (let looks = 0; looks < 100; looks++) {
      now += lookMs;
      if (looks < 50) run.lookedAt(follower, now, "d");
      else follower.begin();
      follower.end(completion, () => open, now);
      expect(follower.next()).toBeUndefined();
      expect(follower.waiting?.reason).toBe(looks < 50 ? "unreadable" : "not-reachable");
    }
    expect(pass(settleMs)).toEqual(["/d", "end"]);
  });
});

describe("the end", () => {
  test("comes without a sign when all of the run was quiet for as long as a run has to be", () => {
    completion = { type: "by-quiet" };
    run.write("a", 10);
    expect(pass(2 * settleMs)).toEqual(["+a"]);
    run.write("b", 10);
    expect(pass(2 * settleMs)).toEqual(["+b"]);
    expect(pass(2 * lookMs)).toEqual(["end"]);
  });

  test("is not there while the look before it is older than the last file", () => {
    run.write("a", 10);
    completion = signed;
    pass(settleMs / 4);
    const look = (meanwhile: LiveStep["kind"] | null): void => {
      now += lookMs;
      run.lookedAt(follower, now);
      if (meanwhile !== null) expect(follower.next()?.kind).toBe(meanwhile);
      follower.end(completion, () => open, now);
    };
    look(null);
    look("member");
    expect(follower.next()).toBeUndefined();
    look(null);
    expect(follower.next()).toEqual({ kind: "end" });
  });

  test("waits for what is gone to be taken out", () => {
    run.write("a", 10);
    run.write("b", 10);
    pass(2 * settleMs);
    run.remove("a");
    completion = signed;
    expect(pass(settleMs)).toEqual(["-a", "end"]);
  });

  test("waits while a name counts as the same as another, or cannot be sent", () => {
    run.write("a", 10);
    run.write("A", 10);
    run.write("d/aux.txt", 10);
    completion = signed;
    expect(pass(10 * settleMs)).toHaveLength(1);
    expect(follower.waiting?.detail).toMatch(/cannot be sent: its path (counts as the same|is reserved)/);
  });

  test.each([
    ["failed", "run-failed"],
    ["aborted", "run-aborted"],
  ] as const)(
    "of a run that %s is for somebody to decide, when all that is there was given",
    (outcome, reason) => {
      run.write("a", 10);
      completion = { type: "complete", outcome, sign: "Status.xml" };
      expect(pass(settleMs)).toEqual(["+a"]);
      expect(follower.waiting).toEqual({ reason, detail: "Status.xml" });
      expect(pass(2 * lookMs)).toEqual(["aborted: Status.xml"]);
      run.write("b", 10);
      expect(pass(2 * settleMs)).toEqual([]);
      // Somebody decided: another process takes it up, and publishes it as it is.
      follower = new Follower({ settleMs, runSettleMs: settleMs }, steps, now);
      completion = signed;
      expect(pass(settleMs)).toEqual(["+b", "end"]);
    },
  );

  test("that an earlier process was given is still the end, unless something changed", () => {
    run.write("a", 10);
    completion = signed;
    pass(settleMs);
    follower = new Follower({ settleMs, runSettleMs: settleMs }, steps, now);
    expect(pass(settleMs)).toEqual([]);
    follower.changed("a", now);
    expect(pass(settleMs)).toEqual(["+a", "end"]);
  });
});

test("how far behind the server is: what is complete and was not given, and what was given and is not stored", () => {
  for (const path of ["a", "b", "c"]) run.write(path, 10);
  expect(follower.behind(now)).toEqual({ files: 0, bytes: 0, forMs: 0 });
  for (let looks = 0; looks < 20; looks++) {
    now += lookMs;
    run.lookedAt(follower, now);
    follower.end(completion, () => open, now);
  }
  const forMs = now - settleMs - lookMs;
  expect(follower.behind(now)).toEqual({ files: 3, bytes: 30, forMs });
  follower.next();
  follower.next();
  expect(follower.behind(now)).toEqual({ files: 3, bytes: 30, forMs });
  follower.stored(1);
  expect(follower.behind(now)).toEqual({ files: 2, bytes: 20, forMs });
  follower.next();
  follower.stored(3);
  expect(follower.behind(now)).toEqual({ files: 0, bytes: 0, forMs: 0 });
});
