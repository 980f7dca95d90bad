import { beforeEach, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { FingerprintSum } from "../../src/watch/fingerprint.ts";
import { waitReasons } from "../../src/watch/wait-reason.ts";
import { type Seen, WatchList } from "../../src/watch/watch-list.ts";

const settleMs = 60_000;
const quiet = { type: "by-quiet" } as const;

/** An entry with one file of so many bytes. */
function seen(path: string, bytes = 10, more: Partial<Seen> = {}): Seen {
  const sum = new FingerprintSum();
  if (bytes > 0) sum.add({ path: "", size: bytes, mtimeMs: 0, id: "1" });
  return { path, kind: "file", fingerprint: sum.result, fault: null, ...more };
}

let said: string[];
let list: WatchList;

/** One look, at these. Returns which of them are complete. */
function look(now: number, ...all: readonly Seen[]): readonly string[] {
  list.begin();
  const complete = all.filter(
    (one) => list.saw(one, now, () => null) === "ask" && list.completed(one.path, quiet, now),
  );
  list.end(now);
  return complete.map(({ path }) => path);
}

/** The reason for which each waits. */
function reasons(): Readonly<Record<string, string>> {
  return Object.fromEntries([...list.waiting()].map(({ path, reason }) => [path, reason]));
}

beforeEach(() => {
  said = [];
  list = new WatchList({
    settleMs,
    random: () => 0.5,
    onWaiting: (path, { reason }) => said.push(`${path} ${reason}`),
    onLost: (detail) => said.push(detail === null ? "there" : "lost"),
  });
});

describe("WatchList", () => {
  test("an entry is complete when it was quiet for long enough, and not before", () => {
    expect(look(0, seen("a"))).toEqual([]);
    expect(look(settleMs - 1, seen("a"))).toEqual([]);
    expect(said).toEqual(["a settling"]);
    expect(look(settleMs, seen("a"))).toEqual(["a"]);
  });

  test("what changes has to be quiet from then on", () => {
    look(0, seen("a"));
    expect(look(settleMs - 1, seen("a", 11))).toEqual([]);
    expect(reasons()).toEqual({ a: "changing" });
    expect(look(2 * settleMs - 2, seen("a", 11))).toEqual([]);
    expect(look(2 * settleMs - 1, seen("a", 11))).toEqual(["a"]);
  });

  test("two looks that are far apart tell nothing of what was between them: one sight is never enough", () => {
    expect(look(1e9, seen("a"))).toEqual([]);
    expect(look(2e9, seen("a", 11))).toEqual([]);
    expect(look(3e9, seen("a", 10))).toEqual([]);
  });

  test("what has less in it than it had waits longer", () => {
    look(0, seen("a", 20));
    look(1, seen("a", 10));
    expect(look(1 + settleMs, seen("a", 10))).toEqual([]);
    expect(look(1 + 5 * settleMs, seen("a", 10))).toEqual(["a"]);
  });

  test("a sign is believed when it was quiet for a quarter of that", () => {
    const sign = { type: "complete", outcome: "finished", sign: "Done.txt" } as const;
    const one = seen("a");
    list.begin();
    expect(list.saw(one, 0, () => null)).toBe("nothing");
    expect(list.saw(one, settleMs / 4 - 1, () => null)).toBe("nothing");
    expect(list.saw(one, settleMs / 4, () => null)).toBe("ask");
    expect(list.completed("a", sign, settleMs / 4)).toBe(true);
    for (const outcome of ["failed", "aborted"] as const) {
      expect(list.completed("a", { ...sign, outcome }, settleMs)).toBe(false);
      expect(reasons()).toEqual({ a: `run-${outcome}` });
    }
    expect(list.completed("a", { type: "waits", reason: "no-sign", detail: "" }, settleMs)).toBe(false);
    expect(reasons()).toEqual({ a: "no-sign" });
  });

  test("a folder that is written while it is watched may begin before it is complete, once, and what was begun as well", () => {
    const run = (path: string, bytes: number): Seen => seen(path, bytes, { kind: "folder" });
    const saw = (one: Seen, now: number) =>
      list.saw(
        one,
        now,
        () => null,
        (path) => path === "begun",
      );
    const settling = { otherwise: { reason: "settling", detail: "" } } as const;
    list.begin();
    expect([run("a", 1), run("begun", 1)].map((it) => saw(it, 0))).toEqual(["nothing", settling]);
    list.end(0);
    list.begin();
    expect(saw(run("a", 2), 1000)).toEqual({ otherwise: { reason: "changing", detail: "" } });
    expect([run("b", 1), seen("file", 1), run("bare", 0)].map((it) => saw(it, 1000))).toEqual([
      settling,
      "nothing",
      "nothing",
    ]);
    list.end(1000);
    expect(["a", "b", "file"].map((it) => list.mayBegin(it, () => false))).toEqual([true, true, false]);
    list.begun("a");
    expect([saw(run("a", 3), 2000), list.mayBegin("a", () => true)]).toEqual(["nothing", false]);
    expect(reasons()).toMatchObject({ a: "live" });
    // What is sent while it is written for days holds nobody up.
    expect(list.backlog(100 * settleMs)).toMatchObject({ entries: 1, bytes: 1 });
    list.sent("a", run("a", 3).fingerprint.text);
    expect([saw(run("a", 4), 3000), list.mayBegin("a", () => true)]).toEqual(["nothing", false]);
  });

  test("who asks is told for how long an entry is quiet, and how often it was tried", () => {
    look(0, seen("a"), seen("b"));
    look(10_000, seen("a", 11), seen("b"));
    list.queued("b");
    list.failed("b", "cannot be read", 10_000);
    list.failed("b", "cannot be read", 20_000);
    const details = Object.fromEntries([...list.details(30_000)].map(({ path, ...more }) => [path, more]));
    expect(details).toEqual({
      a: { kind: "file", reason: "changing", detail: "", quietMs: 20_000, tries: 0, nextTryMs: null },
      b: {
        kind: "file",
        reason: "retrying",
        detail: "cannot be read",
        quietMs: 30_000,
        tries: 2,
        nextTryMs: 50_000,
      },
    });
    list.lost("away", 40_000);
    expect([...list.details(50_000)].map(({ quietMs }) => quietMs)).toEqual([null, null]);
    expect(list.whyLost).toBe("away");
  });

  test("what is empty, or cannot be read, waits for that", () => {
    look(0, seen("a", 0), seen("b", 0, { kind: "folder" }), seen("c", 10, { fault: "not allowed" }));
    expect(look(1e9, seen("a", 0), seen("b", 0, { kind: "folder" }), seen("c", 10, { fault: "no" }))).toEqual(
      [],
    );
    expect(reasons()).toEqual({ a: "empty", b: "empty", c: "unreadable" });
  });

  test("a look that sees nothing takes nothing for deleted, and all has to be quiet anew", () => {
    look(0, seen("a"));
    look(settleMs - 1);
    expect(reasons()).toEqual({ a: "not-reachable" });
    look(settleMs + 1);
    expect(look(settleMs + 2, seen("a"))).toEqual([]);
    expect(said).toEqual(["a settling", "lost", "a not-reachable", "a settling", "there"]);
    expect(look(2 * settleMs + 1, seen("a"))).toEqual([]);
    expect(look(2 * settleMs + 2, seen("a"))).toEqual(["a"]);
  });

  test("one that vanishes among others waits, has to be quiet anew, and is forgotten after a day", () => {
    look(0, seen("a"), seen("b"));
    look(settleMs, seen("b"));
    expect(reasons()).toMatchObject({ a: "vanished" });
    look(settleMs + 1, seen("a"), seen("b"));
    expect(look(2 * settleMs, seen("a"), seen("b"))).not.toContain("a");
    look(3 * settleMs, seen("b"));
    look(3 * settleMs + 25 * 3_600_000, seen("b"));
    expect(reasons()).not.toHaveProperty("a");
  });

  test("what was sent is done, also in an earlier process, until it changes", () => {
    const one = seen("a");
    list.begin();
    expect(list.saw(one, 0, () => one.fingerprint.text)).toBe("nothing");
    list.end(0);
    expect(list.counts).toEqual({ entries: 1, waiting: 0 });
    look(1, seen("a", 12));
    expect([...list.waiting()]).toMatchObject([{ detail: "It was sent, and has changed since" }]);
    expect(look(1 + settleMs, seen("a", 12))).toEqual(["a"]);
    list.sent("a", seen("a", 12).fingerprint.text);
    expect(look(1e9, seen("a", 12))).toEqual([]);
    expect(list.counts).toEqual({ entries: 1, waiting: 0 });
    // It is deleted: nothing is to be said of that, and no memory is taken for it.
    look(1e9 + 1, seen("b"));
    expect(list.counts.entries).toBe(1);
  });

  test("what was sent and is away with the whole drive is nothing that waits", () => {
    const one = seen("a");
    list.begin();
    list.saw(one, 0, () => one.fingerprint.text);
    list.end(0);
    look(1);
    look(2);
    expect(reasons()).toEqual({});
    look(3, one);
    expect(list.counts).toEqual({ entries: 1, waiting: 0 });
  });

  test("what is under way is left alone, and what changed meanwhile goes again", () => {
    look(0, seen("a"));
    expect(look(settleMs, seen("a"))).toEqual(["a"]);
    expect(list.mayBeSent("a", "k")).toBe(true);
    list.queued("a");
    expect(list.mayBeSent("a", "k")).toBe(false);
    expect(look(settleMs + 1, seen("a", 11))).toEqual([]);
    list.sent("a", seen("a").fingerprint.text);
    expect(look(3 * settleMs, seen("a", 11))).toEqual(["a"]);
  });

  test("what is refused is asked for again with other metadata, or when it is another", () => {
    look(0, seen("a"));
    look(settleMs, seen("a"));
    list.refused("a", "k", { reason: "refused", detail: "no" });
    expect(list.mayBeSent("a", "k")).toBe(false);
    expect(list.mayBeSent("a", "other")).toBe(true);
    look(settleMs + 1, seen("a", 11));
    expect(list.mayBeSent("a", "k")).toBe(true);
  });

  test("what fails is tried again after pauses that grow to an hour", () => {
    look(0, seen("a"));
    let now = settleMs;
    const pauses: number[] = [];
    for (let tries = 0; tries < 10; tries++) {
      expect(look(now, seen("a"))).toEqual(["a"]);
      list.queued("a");
      list.failed("a", "no", now);
      const failedAt = now;
      while (look(now, seen("a")).length === 0) now += 1000;
      pauses.push(now - failedAt);
    }
    expect(pauses[0]).toBe(30_000);
    expect(pauses[1]).toBe(60_000);
    expect(pauses.at(-1)).toBe(3_600_000);
  });
});

describe("of very much that was sent", () => {
  const count = 40;
  const filesEach = 10_000;

  /** A folder with very many files, in a state of this name. */
  function large(path: string, state = "a"): Seen {
    const fingerprint = { files: filesEach, bytes: 10, text: `${filesEach}-10-${state}` };
    return { path, kind: "folder", fingerprint, fault: null };
  }

  /** A look as a scanner makes it. Returns which entries were looked at. */
  function lookAtDue(
    now: number,
    entries: readonly Seen[],
    sentAs: (one: Seen) => string | null = (one) => one.fingerprint.text,
  ): readonly string[] {
    const lookedAt: string[] = [];
    list.begin();
    for (const one of entries) {
      if (list.rests(one.path)) continue;
      lookedAt.push(one.path);
      if (list.saw(one, now, () => sentAs(one)) === "ask") list.completed(one.path, quiet, now);
    }
    list.end(now);
    return lookedAt;
  }

  const paths = Array.from({ length: count }, (_, at) => `run${at}`);
  const all = paths.map((path) => large(path));

  test("each look looks at a part, and eight in a row at all of it", () => {
    expect(lookAtDue(0, all)).toEqual(paths);
    for (let first = 1; first < 30; first += 8) {
      const found = Array.from({ length: 8 }, (_, at) => lookAtDue(first + at, all));
      expect(found.flat().toSorted()).toEqual(paths.toSorted());
      for (const part of found) expect(part).toHaveLength(count / 8);
    }
    expect(list.counts).toEqual({ entries: count, waiting: 0 });
  });

  test("what changed is found then, and is looked at each time until it is sent", () => {
    lookAtDue(0, all);
    const changed = all.map((one, at) => (at === 7 ? large(one.path, "b") : one));
    let now = 1;
    while (list.counts.waiting === 0) lookAtDue(now++, changed);
    expect(now).toBeLessThanOrEqual(9);
    for (const end = now + 10; now < end; now++) expect(lookAtDue(now, changed)).toContain("run7");
    list.sent("run7", changed[7]!.fingerprint.text);
    expect(Array.from({ length: 8 }, () => lookAtDue(now++, changed)).flat()).toHaveLength(count);
  });

  test("what was not sent is looked at each time, and what is gone is forgotten at once", () => {
    const sentAs = ({ path, fingerprint }: Seen): string | null =>
      path === "run3" ? null : fingerprint.text;
    lookAtDue(0, all, sentAs);
    for (let now = 1; now < 10; now++) expect(lookAtDue(now, all, sentAs)).toContain("run3");
    lookAtDue(10, all.slice(0, 20), sentAs);
    expect(list.counts).toEqual({ entries: 20, waiting: 1 });
  });

  test("after the folder was away all of it is looked at", () => {
    lookAtDue(0, all);
    list.begin();
    list.lost("away", 1);
    expect(lookAtDue(2, all)).toEqual(paths);
    expect(list.counts.waiting).toBe(0);
  });

  test("of little that was sent all is looked at each time", () => {
    const few = all.slice(0, 2);
    for (let now = 0; now < 10; now++) expect(lookAtDue(now, few)).toHaveLength(2);
  });
});

test("what is complete and waits for its turn is known, until it is taken", () => {
  look(0, seen("a"), seen("b"), seen("c"));
  for (const path of ["a", "b", "c"]) list.waits(path, { reason: "queued", detail: "" });
  list.queued("b");
  expect(list.inTurn(9)).toEqual(["a", "c"]);
  expect(list.inTurn(1)).toEqual(["a"]);
  // One that is not there when it is looked at waits for that, and one that is under way for nothing else.
  for (const path of ["a", "b", "gone"]) list.missed(path, 1);
  expect(reasons()).toEqual({ a: "vanished", b: "queued", c: "queued" });
});

test("places of entries that are forgotten are taken by others, of which nothing is known", () => {
  const round = (name: string, count: number): readonly Seen[] =>
    Array.from({ length: count }, (_, at) => seen(`${name}-${at}`));
  look(0, seen("stays", 77), ...round("first", 500));
  for (const { path } of round("first", 500)) {
    list.refused(path, "k", { reason: "refused", detail: path });
    list.failed(path, "no", 0);
    list.gone(path);
  }
  expect(look(1, seen("stays", 77), ...round("second", 700))).toEqual([]);
  expect(list.reasons).toEqual({ settling: 701 });
  for (const { path } of round("second", 700)) expect(list.mayBeSent(path, "k")).toBe(true);
  expect(look(settleMs, seen("stays", 77))).toEqual(["stays"]);
  expect(list.isStill("stays", seen("stays", 77).fingerprint.text)).toBe(true);
});

test("doc/watch.md and doc/json.md name every reason, with what it means", () => {
  const [page, json] = ["watch.md", "json.md"].map((name) =>
    readFileSync(join(import.meta.dir, "../../doc", name), "utf8"),
  );
  for (const [reason, text] of Object.entries(waitReasons))
    expect(page).toContain(`| \`${reason}\` | ${text} |`);
  const listed = /"dync:entry-waiting".*?"reason": \{\s*"enum": (\[.*?\])/s.exec(json ?? "")?.[1] ?? "[]";
  expect(JSON.parse(listed).toSorted()).toEqual(Object.keys(waitReasons).toSorted());
});
