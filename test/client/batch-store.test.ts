// Batches that are written down: what is left of one is known to a later process, whatever became of the first.

import { describe, expect, test } from "bun:test";
import { appendFile, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { DyncError } from "../../src/base/error.ts";
import type { Batch, BatchJob } from "../../src/client/batch/batch.ts";
import { BatchStore } from "../../src/client/batch/batch-store.ts";
import type { Job } from "../../src/client/job.ts";
import { type TempFolder, tempFolder } from "../support/temp-folder.ts";

const startedAt = "2026-01-02T03:04:05.000Z";
const go = new AbortController().signal;

function jobOf(number: number, change: Partial<Job> = {}): Job {
  return {
    host: "lab",
    port: 8889,
    serverKeyFile: null,
    origin: { kind: "file", path: `run/${number}.raw` },
    name: `${number}.raw`,
    metadataText: '{"sample":"A1","run":12345678901234567890}',
    size: number,
    ...change,
  };
}

async function* jobsOf(...jobs: readonly Job[]): AsyncGenerator<Job> {
  yield* jobs;
}

const three = () => jobsOf(jobOf(0), jobOf(1), jobOf(2));

async function jobsIn(batch: Batch): Promise<BatchJob[]> {
  const jobs: BatchJob[] = [];
  for await (const job of batch.jobs()) jobs.push(job);
  return jobs;
}

function namesOf(jobs: readonly Job[]): readonly string[] {
  return jobs.map(({ name }) => name);
}

async function takenUp(home: TempFolder): Promise<Batch> {
  const store = new BatchStore(home.path);
  const [unfinished] = (await store.list()).batches;
  const batch = await store.takeUp(unfinished?.id ?? "");
  if (batch === "being-sent") throw new Error("Nobody sends it");
  return batch;
}

describe("a batch", () => {
  test("keeps further addresses of its server, and is the same one by whichever it is sent", async () => {
    await using home = await tempFolder();
    const store = new BatchStore(home.path);
    const alsoAt = [{ host: "b.example", port: 9000 }];
    const plain = await store.begin(three(), startedAt, go);
    await plain.close();
    const batch = await store.begin(jobsOf(...[0, 1, 2].map((n) => jobOf(n, { alsoAt }))), startedAt, go);
    expect(batch.id).toBe(plain.id);
    await batch.close();
    const again = await takenUp(home);
    expect((await jobsIn(again)).map((job) => job.alsoAt)).toEqual([alsoAt, alsoAt, alsoAt]);
    await again.close();
  });

  test("gives back its jobs as they were, each with its own identity", async () => {
    await using home = await tempFolder();
    const fault = new DyncError("usage", "It has no name", { hint: "give it one" });
    const { size: _, ...unknown } = jobOf(2);
    const selection = { include: ["*.raw"], exclude: [], links: "skip", all: false } as const;
    const given: Job[] = [
      jobOf(0),
      jobOf(1, { metadataText: '{"a":"\u2028ü"}', serverKeyFile: "/k/server.key", unpack: "tar" }),
      jobOf(3, { fault }),
      { ...unknown, origin: { kind: "file", path: resolve("else/x.raw") } as const },
      { ...unknown, origin: { kind: "dataset", path: "run", selection } as const },
    ];
    given.push({
      ...unknown,
      origin: { kind: "dataset", path: "b", selection: { ...selection, all: true } },
    });
    const batch = await new BatchStore(home.path).begin(jobsOf(...given), startedAt, go);
    expect(batch.fault).toBeNull();
    expect(batch.size).toMatchObject({ files: 6, bytes: null });
    const jobs = await jobsIn(batch);
    const plain = jobs.map(({ place: _place, fault: found, ...job }) =>
      found === undefined
        ? job
        : { ...job, fault: { code: found.code, text: found.message, hint: found.hint } },
    );
    expect<unknown>(plain).toEqual([
      given[0],
      given[1],
      { ...jobOf(3), fault: { code: "usage", text: "It has no name", hint: "give it one" } },
      ...given.slice(3),
    ]);
    const identities = jobs.map(({ place }) => place.identity);
    for (const identity of identities) expect(identity).toMatch(/^[89a-f][0-9a-f]{31}$/);
    expect(new Set(identities).size).toBe(6);
    for (const { place } of jobs) expect(place.replaces).toEqual([]);
    await batch.close();
  });

  test("is nothing any more when all of it is done", async () => {
    await using home = await tempFolder();
    const batch = await new BatchStore(home.path).begin(three(), startedAt, go);
    for (const job of await jobsIn(batch)) batch.settle(job);
    await batch.close();
    expect(await readdir(home.file("batches"))).toEqual([]);
  });

  test("that was left has what is not done for the next process, which says what it takes the place of", async () => {
    await using home = await tempFolder();
    const batch = await new BatchStore(home.path).begin(three(), startedAt, go);
    const first = await jobsIn(batch);
    batch.settle(first[1] as BatchJob);
    await batch.close();
    const { batches } = await new BatchStore(home.path).list();
    expect(batches).toEqual([
      {
        id: batch.id as string,
        startedAt,
        files: 2,
        bytes: 2,
        first: { host: "lab", port: 8889, path: resolve("run/0.raw") },
      },
    ]);
    const again = await takenUp(home);
    expect(again.size).toMatchObject({ files: 2, bytes: 2 });
    const second = await jobsIn(again);
    expect(namesOf(second)).toEqual(["0.raw", "2.raw"]);
    expect(second.map(({ place }) => place.replaces)).toEqual([
      [first[0]?.place.identity as string],
      [first[2]?.place.identity as string],
    ]);
    await again.close();
    const third = await takenUp(home);
    const [job] = await jobsIn(third);
    expect(job?.place.replaces).toEqual([second[0], first[0]].map((it) => it?.place.identity as string));
    for (const one of await jobsIn(third)) third.settle(one);
    await third.close();
    expect(await readdir(home.file("batches"))).toEqual([]);
  });

  test("of the same files is the same batch, which begins anew", async () => {
    await using home = await tempFolder();
    const store = new BatchStore(home.path);
    const batch = await store.begin(three(), startedAt, go);
    const [first] = await jobsIn(batch);
    batch.settle(first as BatchJob);
    await batch.close();
    const sizes = jobsOf(jobOf(0, { size: 77 }), jobOf(1), jobOf(2));
    const again = await store.begin(sizes, "2026-02-02T00:00:00.000Z", go);
    expect(again.id).toBe(batch.id);
    const jobs = await jobsIn(again);
    expect(namesOf(jobs)).toEqual(["0.raw", "1.raw", "2.raw"]);
    expect(jobs[0]?.place.replaces).toEqual([first?.place.identity as string]);
    await again.close();
    const other = await store.begin(jobsOf(jobOf(0), jobOf(1)), startedAt, go);
    const elsewhere = await store.begin(jobsOf(jobOf(0, { port: 1 }), jobOf(1, { port: 1 })), startedAt, go);
    expect(new Set([batch.id, other.id, elsewhere.id]).size).toBe(3);
    await other.close();
    await elsewhere.close();
  });

  test("is one process's at a time", async () => {
    await using home = await tempFolder();
    const [one, other] = [new BatchStore(home.path), new BatchStore(home.path)];
    const batch = await one.begin(three(), startedAt, go);
    const again = other.begin(three(), startedAt, go);
    expect(await again.catch((error) => error.message)).toContain("Another dync process");
    expect(await other.takeUp(batch.id as string)).toBe("being-sent");
    expect(other.hold(batch.id as string)).toBeNull();
    expect(namesOf(await jobsIn(batch))).toEqual(["0.raw", "1.raw", "2.raw"]);
    await batch.close();
    const hold = other.hold(batch.id as string);
    hold?.remove();
    hold?.release();
    expect(await readdir(home.file("batches"))).toEqual([]);
  });

  test("knows what another command did of it, and forgets a mark that was torn", async () => {
    await using home = await tempFolder();
    const store = new BatchStore(home.path);
    const batch = await store.begin(three(), startedAt, go);
    await batch.close();
    const id = batch.id as string;
    store.settle(id, 2);
    await appendFile(home.file("batches", `${id}.log`), "1");
    store.settle("0".repeat(32), 0);
    expect(namesOf(await jobsIn(await takenUp(home)))).toEqual(["0.raw", "1.raw"]);
    expect((await readdir(home.file("batches"))).toSorted()).toEqual([`${id}.jobs`, `${id}.lock`]);
  });
});

describe("a batch that was left", () => {
  async function left(home: TempFolder, ...jobs: readonly Job[]): Promise<string> {
    const batch = await new BatchStore(home.path).begin(jobsOf(...jobs), startedAt, go);
    await batch.close();
    return batch.id as string;
  }

  async function idsIn(home: TempFolder): Promise<readonly string[]> {
    return (await new BatchStore(home.path).list()).batches.map(({ id }) => id).toSorted();
  }

  test("is forgotten when all that is left of it is in a new one", async () => {
    await using home = await tempFolder();
    const first = await left(home, jobOf(0), jobOf(1), jobOf(5));
    new BatchStore(home.path).settle(first, 2);
    expect(await idsIn(home)).toEqual([first]);
    // The same file, written in another way, with other metadata.
    const same = jobOf(1, { origin: { kind: "file", path: resolve("run/1.raw") }, metadataText: '{"b":1}' });
    const second = await left(home, jobOf(2), same, jobOf(0));
    expect(await idsIn(home)).toEqual([second]);
  });

  test("stays where something of it is not, or goes elsewhere, or is being sent, or cannot be read", async () => {
    await using home = await tempFolder();
    const more = await left(home, jobOf(0), jobOf(9));
    const elsewhere = await left(home, jobOf(0, { port: 1 }), jobOf(1, { port: 1 }));
    const running = await new BatchStore(home.path).begin(jobsOf(jobOf(0), jobOf(2)), startedAt, go);
    await writeFile(home.file("batches", `${"0".repeat(32)}.jobs`), "torn");
    const fresh = await left(home, jobOf(0), jobOf(1), jobOf(2));
    expect(await idsIn(home)).toEqual([more, elsewhere, running.id as string, fresh].toSorted());
    expect(await readFile(home.file("batches", `${"0".repeat(32)}.jobs`), "utf8")).toBe("torn");
    await running.close();
  });
});

describe("what keeps a batch from being begun", () => {
  test("the jobs' own fault, or an interruption: nothing stays", async () => {
    await using home = await tempFolder();
    const fault = new DyncError("usage", "The table has no such row");
    const failing = async function* () {
      yield jobOf(0);
      throw fault;
    };
    const store = new BatchStore(home.path);
    expect(await store.begin(failing(), startedAt, go).catch((error) => error)).toBe(fault);
    const stopped = AbortSignal.abort(new DyncError("cancelled", "Interrupted"));
    expect(await store.begin(three(), startedAt, stopped).catch((error) => error.code)).toBe("cancelled");
    expect(await readdir(home.file("batches"))).toEqual([]);
  });

  test("a home that takes nothing: it says so, and is sent all the same", async () => {
    await using home = await tempFolder();
    await writeFile(home.file("batches"), "a file where the folder should be");
    const batch = await new BatchStore(home.path).begin(three(), startedAt, go);
    expect(batch.fault?.code).toBe("configuration");
    expect(batch.fault?.message).toContain(home.file("batches"));
    const jobs = await jobsIn(batch);
    expect(namesOf(jobs)).toEqual(["0.raw", "1.raw", "2.raw"]);
    expect(new Set(jobs.map(({ place }) => place.identity)).size).toBe(3);
    batch.settle(jobs[0] as BatchJob);
    await batch.close();
  });

  // A file that may not grow stands for a disk that is full.
  test.skipIf(process.platform === "win32").each([1, 1000])(
    "a disk that has room for %p KiB of it: nothing is lost (not on Windows)",
    async (room) => {
      await using home = await tempFolder();
      const script = `trap "" XFSZ; ulimit -f ${room * 2}; exec "$@"`;
      const child = Bun.spawn(
        ["sh", "-c", script, "sh", process.execPath, `${import.meta.dir}/full-batch.ts`, home.path],
        { stdout: "pipe", stderr: "inherit" },
      );
      expect(JSON.parse(await new Response(child.stdout).text())).toEqual({
        fault: "configuration",
        names: 20_000,
        first: "0.raw",
        last: "19999.raw",
        left: [],
      });
      expect(await child.exited).toBe(0);
    },
  );
});

describe("files that are no batch are named and left alone", () => {
  const texts: readonly (readonly [string, (text: string) => string])[] = [
    ["torn", (text) => text.slice(0, -10)],
    ["empty", () => ""],
    ["without its first line", (text) => text.slice(text.indexOf("\n") + 1)],
    ["of a later version", (text) => text.replace('"schema":1', '"schema":2')],
    ["with a line that is no job", (text) => `${text}{"n":3}\n`],
  ];
  test.each(texts)("%s", async (what, change) => {
    await using home = await tempFolder();
    const store = new BatchStore(home.path);
    const batch = await store.begin(three(), startedAt, go);
    await batch.close();
    const file = home.file("batches", `${batch.id}.jobs`);
    const text = change(await readFile(file, "utf8"));
    await writeFile(file, text);
    expect(await store.list()).toEqual({
      batches: [],
      unreadable: [{ file, isNewer: what === "of a later version" }],
    });
    const error = await store.takeUp(batch.id as string).catch((thrown) => thrown);
    expect([error.code, error.message]).toEqual(["configuration", `${file} is no batch of uploads`]);
    expect(await readFile(file, "utf8")).toBe(text);
  });

  test("what others put there is none of its business", async () => {
    await using home = await tempFolder();
    const store = new BatchStore(home.path);
    expect(await store.list()).toEqual({ batches: [], unreadable: [] });
    await (await store.begin(three(), startedAt, go)).close();
    await writeFile(home.file("batches", "notes.jobs"), "mine");
    expect((await store.list()).batches).toHaveLength(1);
    expect((await store.list()).unreadable).toEqual([]);
  });
});

test("what a process that was killed while it wrote left is cleared away after an hour", async () => {
  await using home = await tempFolder();
  const store = new BatchStore(home.path);
  await (await store.begin(three(), startedAt, go)).close();
  const left = ["old.tmp", "young.tmp", "0123.log", "4567.lock"];
  for (const name of left) await writeFile(home.file("batches", name), "");
  const hours = Date.now() / 1000 - 2 * 3600;
  for (const name of left.filter((it) => it !== "young.tmp"))
    await utimes(home.file("batches", name), hours, hours);
  const [kept] = (await readdir(home.file("batches"))).filter(
    (name) => name.endsWith(".lock") && name.length > 30,
  );
  await utimes(home.file("batches", kept as string), hours, hours);
  await (await store.begin(jobsOf(jobOf(7)), startedAt, go)).close();
  const names = await readdir(home.file("batches"));
  expect(names).toContain("young.tmp");
  expect(names).toContain(kept as string);
  for (const name of ["old.tmp", "0123.log", "4567.lock"]) expect(names).not.toContain(name);
});
