// What was sent goes when it is due and proved, and is left alone otherwise.

import { beforeEach, describe, expect, test } from "bun:test";
import { DyncError } from "../../src/base/error.ts";
import { kept } from "../../src/client/free/kept.ts";
import type { Proof } from "../../src/client/free/proof.ts";
import { deletion, type Removal } from "../../src/client/free/remove.ts";
import type { SentEntry } from "../../src/client/free/sent-below.ts";
import { FirstOf } from "../../src/client/listing/first-of.ts";
import { AfterSent, type Beside } from "../../src/watch/after-sent.ts";
import { WatchList } from "../../src/watch/watch-list.ts";
import { ManualClock } from "../support/manual-clock.ts";

const dayMs = 24 * 60 * 60_000;
const fingerprint = { files: 1, bytes: 4, text: "a" };

let clock: ManualClock;
let list: WatchList;
let proof: Proof | DyncError;
let said: string[];
let asked: number;
let companion: Beside | null;

beforeEach(() => {
  clock = new ManualClock();
  const silent = { onWaiting: () => {}, onLost: (detail: string | null) => void said.push(`lost ${detail}`) };
  list = new WatchList({ settleMs: 1000, random: () => 0.5, ...silent });
  said = [];
  asked = 0;
  companion = null;
  see("a");
});

function see(text: string): void {
  list.begin();
  list.saw(
    { path: "in/a.raw", kind: "file", fingerprint: { ...fingerprint, text }, fault: null },
    clock.now(),
    () => "a",
  );
  list.end(clock.now());
}

const removal = (left: readonly string[] = []): Removal => {
  const paths = new FirstOf<string>();
  for (const path of left) paths.add(path);
  return { files: 1, bytes: 4, left: paths, kept: null };
};
const proved = (of = removal()): Proof => ({ type: "proved", files: 1, bytes: 4, remove: async () => of });

function after(keepForMs = 0): AfterSent {
  const entry: SentEntry = {
    schema: 1,
    at: clock.date().toISOString(),
    ...{ host: "lab", port: 8889, name: "a.raw", path: "/data/in/a.raw", kind: "file" },
    ...{ bytes: 4, sha256: "ab".repeat(32), id: "u1", already: false },
  };
  return new AfterSent({
    ...{ clock, folder: "/data", list, keepForMs, disposal: deletion },
    entries: async () => [entry],
    beside: async () => companion,
    prove: async () => {
      asked += 1;
      if (proof instanceof DyncError) throw proof;
      return proof;
    },
    onTaken: (path) => said.push(`taken ${path}`),
    onKept: (path, _entry, { why }) => said.push(`kept ${path}: ${why}`),
    onTrouble: (text) => said.push(text),
  });
}
const run = (it: AfterSent) => it.once(new AbortController().signal);

describe("an entry that was sent", () => {
  test("goes when it is proved, and its folder is not lost by being empty", async () => {
    proof = proved();
    await run(after());
    expect(said).toEqual(["taken in/a.raw"]);
    list.begin();
    list.end(clock.now());
    expect(said).toEqual(["taken in/a.raw"]);
    expect(list.counts.entries).toBe(0);
  });

  test("stays until it was here for long enough", async () => {
    proof = proved();
    const it = after(2 * dayMs);
    clock.advance(2 * dayMs - 1);
    await run(it);
    expect(asked).toBe(0);
    clock.advance(1);
    await run(it);
    expect(said).toEqual(["taken in/a.raw"]);
  });

  test("that has changed since, or is being looked at, is not even asked about", async () => {
    proof = proved();
    see("b");
    await run(after());
    list.lost("away", clock.now());
    await run(after());
    expect(asked).toBe(0);
  });

  test("that is not proved stays, and is read again after a day", async () => {
    proof = kept("damaged", "The server does not prove it");
    const it = after();
    await run(it);
    clock.advance(dayMs - 1);
    await run(it);
    expect(said).toEqual(["kept in/a.raw: The server does not prove it"]);
    expect(asked).toBe(1);
    clock.advance(1);
    await run(it);
    expect(asked).toBe(2);
    expect(list.counts).toEqual({ entries: 1, waiting: 0 });
  });

  test("takes along what lies beside it, unless something of it stays, and says where that stays", async () => {
    const [stays, left] = [kept("changed", "other metadata"), ["/data/in/a.raw/late"]];
    let takes = 0;
    const beside = (why: typeof stays | null): Beside => ({
      path: "in/a.raw.meta.json",
      take: async () => {
        takes += 1;
        return why;
      },
    });
    [companion, proof] = [beside(null), proved(removal(left))];
    await run(after());
    expect([takes, said.splice(0)]).toEqual([0, ["taken in/a.raw"]]);
    proof = proved();
    await run(after());
    expect([takes, said.splice(0)]).toEqual([1, ["taken in/a.raw"]]);
    see("a");
    companion = beside(stays);
    await run(after());
    expect(said).toEqual(["taken in/a.raw", "kept in/a.raw.meta.json: other metadata"]);
  });

  test("in which something stays is seen on", async () => {
    proof = proved(removal(["/data/in/a.raw/late"]));
    await run(after());
    expect(list.counts.entries).toBe(1);
    expect(list.leaving("in/a.raw")).toBe(true);
  });
});

test("a server that proves nothing is named once, and asked again the next time", async () => {
  proof = new DyncError("cannot-know", "It cannot prove");
  const it = after();
  await run(it);
  await run(it);
  expect(said).toEqual(["What was sent stays here: It cannot prove"]);
  expect(asked).toBe(2);
  proof = proved();
  await run(it);
  expect(said.at(-1)).toBe("taken in/a.raw");
});

test("it is done every ten minutes, until it is stopped", async () => {
  proof = kept("changed", "other");
  const stop = new AbortController();
  const ended = after().forever(stop.signal);
  clock.advance(10 * 60_000 - 1);
  expect(asked).toBe(0);
  clock.advance(1);
  await new Promise<void>((resolve) => setImmediate(resolve));
  expect(asked).toBe(1);
  stop.abort(new Error("enough"));
  await expect(ended).rejects.toThrow("enough");
});
