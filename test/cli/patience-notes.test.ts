// What is said of trying again: when it begins, and when it is over.

import { describe, expect, test } from "bun:test";
import { DyncError, type ErrorCode } from "../../src/base/error.ts";
import { PatienceNotes } from "../../src/cli/dync/patience-notes.ts";
import { UploadKept } from "../../src/client/resumption.ts";

function follow(durationMs: number) {
  const notes: string[] = [];
  let now = 0;
  const patience = new PatienceNotes({
    retryForMs: durationMs,
    now: () => now,
    note: (text) => notes.push(text),
  });
  const state = { taken: 0, total: null, skipped: 0, waiting: "pause" } as const;
  const pause = (at: number, code: ErrorCode = "unreachable", sent = 0): void => {
    now = at;
    patience.see({ ...state, sent, pause: { code, reason: "The connection was lost", until: at + 500 } });
  };
  return { notes, patience, pause };
}

describe("what is said", () => {
  test("when the second try in a row fails, once, with how long it will be tried", () => {
    const { notes, pause } = follow(15 * 60_000);
    for (const at of [0, 100, 600, 1100]) pause(at);
    expect(notes).toEqual(["The connection was lost: trying again for 15 min at most (--retry-for)"]);
  });

  test("again when the upload got further in between; a cut that is over at once is not worth a word", () => {
    const { notes, pause } = follow(24 * 3_600_000);
    for (let cut = 1; cut < 10; cut++) pause(cut * 1000, "unreachable", cut);
    expect(notes).toEqual([]);
    pause(20_000, "unreachable", 9);
    expect(notes).toEqual(["The connection was lost: trying again for 24 h at most (--retry-for)"]);
  });

  test("nothing of a server that shows another key", () => {
    const { notes, pause } = follow(1000);
    for (const at of [0, 300, 600]) pause(at, "wrong-server");
    expect(notes).toEqual([]);
  });

  test("in the error that ends it", () => {
    const { patience, pause } = follow(2000);
    expect(patience.gaveUp(new DyncError("unreachable", "Nothing listens"))).toMatchObject({
      message: "Nothing listens",
    });
    for (const at of [0, 500, 2000]) pause(at);
    const error = new DyncError("unreachable", "Nothing listens", { hint: "look" });
    expect(patience.gaveUp(error)).toMatchObject({
      message: "Nothing listens; gave up after trying for 2 s",
      hint: "look",
      code: "unreachable",
    });
    const faults = [{ path: "sample", text: "is missing" }];
    const identity = "0123abcd".repeat(4);
    const kept = new UploadKept(new DyncError("unreachable", "Nothing listens", { faults }), identity);
    const gaveUp = patience.gaveUp(kept);
    expect(gaveUp).toBeInstanceOf(UploadKept);
    const message = "Nothing listens; gave up after trying for 2 s";
    expect(gaveUp).toMatchObject({ message, faults, identity });
    const cancelled = new DyncError("cancelled", "Interrupted");
    expect(patience.gaveUp(cancelled)).toBe(cancelled);
  });
});
