// A run is held to the checksums that its instrument wrote down, before it is sent.

import { expect, test } from "bun:test";
import { MakerCheck } from "../../src/watch/maker-check.ts";
import { memoryView, type Tree } from "../support/instrument/memory-view.ts";

const looked = (files: Tree, { name = "run", state = "1" } = {}) => ({
  path: name,
  at: `/watched/${name}`,
  view: memoryView({ name, kind: "folder", files }),
  fingerprint: { files: 1, bytes: 1, text: state },
});

/** A check of what the instrument says, by path; every file that is read has its path's last letter as its checksum. */
function check(said: Readonly<Record<string, string>>, isAwaited: boolean) {
  const read: string[] = [];
  const going = Promise.withResolvers<void>();
  const maker = new MakerCheck({
    profile: { makerChecksums: async () => new Map(Object.entries(said)) },
    hash: async (path) => {
      await going.promise;
      read.push(path);
      return path.endsWith("unreadable") ? null : (path.at(-1) ?? "");
    },
    isAwaited,
    signal: new AbortController().signal,
  });
  return { maker, read, go: going.resolve };
}

test("what agrees may be sent, and is read once", async () => {
  const { maker, read, go } = check({ "a/x": "x", y: "y" }, true);
  go();
  const run = looked({ "a/x": 1, y: 1, z: 1 });
  expect(await maker.against(run)).toBeNull();
  expect(await maker.against(run)).toBeNull();
  expect(read).toEqual(["/watched/run/a/x", "/watched/run/y"]);
});

test("what differs waits, until it is another", async () => {
  const { maker, read, go } = check({ x: "y", y: "y", z: "a", unreadable: "e" }, true);
  go();
  const files = { x: 1, y: 1, z: 1, unreadable: 1 };
  expect(await maker.against(looked(files))).toEqual({ reason: "hash-mismatch", detail: "x and 2 more" });
  expect(await maker.against(looked(files))).toMatchObject({ reason: "hash-mismatch" });
  expect(read).toHaveLength(4);
  await maker.against(looked(files, { state: "2" }));
  expect(read).toHaveLength(8);
});

test("what is not there is not waited for by reading the rest", async () => {
  const { maker, read, go } = check({ x: "x", gone: "e" }, true);
  go();
  expect(await maker.against(looked({ x: 1 }))).toEqual({
    reason: "incomplete",
    detail: "The instrument has a checksum of gone, which is not there",
  });
  expect(read).toEqual([]);
});

test("an instrument that wrote none holds nothing back", async () => {
  expect(await check({}, false).maker.against(looked({ x: 1 }))).toBeNull();
});

test("nobody waits for a run that is read, and runs are read one by one", async () => {
  const { maker, read, go } = check({ x: "x" }, false);
  const [run, other] = [looked({ x: 1 }), looked({ x: 1 }, { name: "other" })];
  const compared = "compared with the instrument's own checksums";
  expect(await maker.against(run)).toEqual({ reason: "queued", detail: `0 of 1 files are ${compared}` });
  expect(await maker.against(run)).toMatchObject({ reason: "queued" });
  expect(await maker.against(other)).toEqual({ reason: "queued", detail: `Another run is ${compared}` });
  go();
  while ((await maker.against(run)) !== null) await Promise.resolve();
  expect(await maker.against(other)).toMatchObject({ reason: "queued" });
  while ((await maker.against(other)) !== null) await Promise.resolve();
  expect(read).toEqual(["/watched/run/x", "/watched/other/x"]);
});

test("a failure is said, and the end of the program ends it", async () => {
  const stop = new AbortController();
  const maker = new MakerCheck({
    profile: { makerChecksums: async () => new Map([["x", "x"]]) },
    hash: async (_, signal) => {
      signal.throwIfAborted();
      throw new Error("the disk is on fire");
    },
    isAwaited: true,
    signal: stop.signal,
  });
  expect(await maker.against(looked({ x: 1 }))).toEqual({
    reason: "unreadable",
    detail: "the disk is on fire",
  });
  stop.abort(new Error("stopped"));
  await expect(maker.against(looked({ x: 1 }, { state: "2" }))).rejects.toThrow("stopped");
});
