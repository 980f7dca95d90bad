// What a watcher writes of itself is what another process reads, as it is now.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { readWatchState, WatchStatus } from "../../src/cli/dync/watch-status.ts";
import { WatchList } from "../../src/watch/watch-list.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

let folder: TempFolder;
beforeEach(async () => {
  folder = await tempFolder();
});
afterEach(async () => await folder[Symbol.asyncDispose]());

test("entries, what they wait for and the last trouble are there within seconds, and nothing is written after the end", () => {
  const clock = new ManualClock();
  const list = new WatchList({ settleMs: 1000, random: Math.random, onWaiting: () => {}, onLost: () => {} });
  let lastTrouble: { at: string; text: string } | null = null;
  expect(readWatchState(folder.path)).toBeNull();
  {
    using _status = new WatchStatus(folder.path, clock, { list, lastTrouble: () => lastTrouble });
    expect(readWatchState(folder.path)).toMatchObject({
      entries: 0,
      waiting: 0,
      reasons: {},
      lastTrouble: null,
    });
    const fingerprint = { text: "x", files: 1, bytes: 3 };
    for (const path of ["a", "b"]) list.saw({ path, kind: "file", fingerprint, fault: null }, 0, () => null);
    list.waits("b", { reason: "refused", detail: "Name taken" });
    list.saw({ path: "c", kind: "file", fingerprint, fault: null }, 0, () => null);
    list.waits("c", { reason: "metadata-missing", detail: "lacks", fields: ["project", "run"] });
    lastTrouble = { at: clock.date().toISOString(), text: "b: Name taken" };
    clock.advance(5_000);
    expect(readWatchState(folder.path)).toMatchObject({
      entries: 3,
      waiting: 3,
      reasons: { settling: 1, refused: 1, "metadata-missing": 1 },
      lacking: [{ path: "c", fields: ["project", "run"] }],
      lastTrouble,
    });
  }
  lastTrouble = null;
  clock.advance(60_000);
  expect(readWatchState(folder.path)?.lastTrouble?.text).toBe("b: Name taken");
});
