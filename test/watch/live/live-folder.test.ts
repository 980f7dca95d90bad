// The feed of a run in a real folder, with a clock that is moved.

import { expect, test } from "bun:test";
import {
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Selection } from "../../../src/client/listing/selection.ts";
import type { LiveStep } from "../../../src/client/live/feed.ts";
import { completeOn } from "../../../src/watch/live/complete-on.ts";
import { readFollow } from "../../../src/watch/live/follow.ts";
import { LiveFolder } from "../../../src/watch/live/live-folder.ts";
import type { WaitReason } from "../../../src/watch/wait-reason.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const settleMs = 60_000;
const selection: Selection = { include: [], exclude: ["*.log"], links: "skip", all: false };
const signal = new AbortController().signal;

class World implements AsyncDisposable {
  readonly clock = new ManualClock();
  readonly notes: string[] = [];
  readonly steps: LiveStep[] = [];
  readonly folder: string;
  open: ReadonlySet<string> = new Set();
  feed!: LiveFolder;
  readonly #temp: Awaited<ReturnType<typeof tempFolder>>;

  private constructor(temp: Awaited<ReturnType<typeof tempFolder>>) {
    this.#temp = temp;
    this.folder = join(temp.path, "run");
    mkdirSync(this.folder);
  }

  static async make(): Promise<World> {
    const world = new World(await tempFolder());
    await world.start();
    return world;
  }

  async start(): Promise<void> {
    this.feed = await LiveFolder.open(
      {
        ...{ clock: this.clock, folder: this.folder, selection, settleMs, runSettleMs: settleMs },
        rule: completeOn("Done.txt"),
        openForWriting: () => this.open,
        onChange: () => () => {},
        onNote: (text) => this.notes.push(text),
      },
      this.steps,
      signal,
    );
  }

  write(path: string, text = path): void {
    mkdirSync(join(this.folder, path, ".."), { recursive: true });
    writeFileSync(join(this.folder, path), text);
  }

  /** Lets time pass until so many steps more were given. Returns them, in short, with what they took. */
  async taken(count: number): Promise<readonly string[]> {
    const before = this.steps.length;
    for (let turns = 0; turns < 20_000 && this.steps.length < before + count; turns++) {
      const step = this.feed.next();
      if (step !== undefined) this.steps.push(step);
      else await this.pass(500);
    }
    return this.steps.slice(before).map(shown);
  }

  /** Lets time pass until the end waits for that. */
  async waitsFor(reason: string, detail: string): Promise<void> {
    const isIt = (): boolean =>
      this.feed.waiting?.reason === reason && this.feed.waiting.detail.includes(detail);
    for (let turns = 0; turns < 20_000 && !isIt(); turns++) await this.pass(500);
    expect(this.feed.waiting).toEqual({
      reason: reason as WaitReason,
      detail: expect.stringContaining(detail),
    });
  }

  async pass(ms: number): Promise<void> {
    const asked = new AbortController();
    const more = this.feed.more(asked.signal).catch(() => {});
    // A look takes no time, however busy the machine is: it is over when its pause has begun.
    while (!this.clock.isWaitedFor) await setImmediate();
    this.clock.advance(ms);
    for (let turns = 0; turns < 20; turns++) await setImmediate();
    asked.abort(new Error("enough"));
    await more;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.feed.close();
    await this.#temp[Symbol.asyncDispose]();
  }
}

function shown(step: LiveStep): string {
  if (step.kind === "member") return `${step.entry.type === "file" ? "+" : "/"}${step.path}`;
  return step.kind === "removed" ? `-${step.path}` : step.kind;
}

test("gives files as they are complete, folders and the end behind the sign, minutes after it at most", async () => {
  await using world = await World.make();
  world.write("a.raw");
  world.write("d/b.raw");
  world.write("d/own.log");
  world.write("Thumbs.db");
  symlinkSync("a.raw", join(world.folder, "link"));
  linkSync(join(world.folder, "a.raw"), join(world.folder, "z.raw"));
  expect((await world.taken(2)).toSorted()).toEqual(["+a.raw", "+d/b.raw"]);
  expect(world.feed.waiting).toEqual({ reason: "no-sign", detail: "it waits for Done.txt" });
  expect(world.feed.behind).toMatchObject({ files: 2, bytes: 12 });
  world.feed.stored(2);
  expect(world.feed.behind).toEqual({ files: 0, bytes: 0, forMs: 0 });
  mkdirSync(join(world.folder, "empty"));
  renameSync(join(world.folder, "a.raw"), join(world.folder, "d/a.raw"));
  world.write("Done.txt");
  const signedAt = world.clock.now();
  const given = await world.taken(6);
  // The other name of a hard link is the first now.
  expect(given.slice(0, 2)).toEqual(["-a.raw", "+Done.txt"]);
  expect(given.slice(2, 5).toSorted()).toEqual(["+d/a.raw", "/d", "/empty"]);
  expect(given[5]).toBe("end");
  expect(world.clock.now() - signedAt).toBeLessThan(2 * settleMs);
  expect(world.notes.join("\n")).toContain('"link", a symbolic link');
  expect(world.notes.join("\n")).toContain("Thumbs.db");
});

test("goes on after a restart with what was given, and takes out what is gone by then", async () => {
  await using world = await World.make();
  for (const path of ["a.raw", "b.raw", "d/c.raw"]) world.write(path);
  await world.taken(3);
  await world.feed.close();
  rmSync(join(world.folder, "d"), { recursive: true });
  world.write("b.raw", "another one");
  await world.start();
  world.write("Done.txt");
  expect((await world.taken(4)).toSorted()).toEqual(["+Done.txt", "+b.raw", "-d", "end"]);
});

test("what was written for long before a restart, by when it was made, pauses for longer", async () => {
  await using world = await World.make();
  await world.feed.close();
  const path = join(world.folder, "trace.bin");
  writeFileSync(path, "trace");
  const { birthtimeMs, mtimeMs } = statSync(path);
  // Where a file system does not know it, it goes as any other.
  const wantedMs = birthtimeMs > 0 && birthtimeMs <= mtimeMs ? 10 * settleMs : settleMs;
  const writtenAt = new Date(mtimeMs + 80 * settleMs);
  utimesSync(path, writtenAt, writtenAt);
  await world.start();
  const startedAt = world.clock.now();
  expect(await world.taken(1)).toEqual(["+trace.bin"]);
  const quietMs = world.clock.now() - startedAt;
  expect([quietMs >= wantedMs, quietMs < wantedMs + settleMs]).toEqual([true, true]);
});

test("waits while a program has a file open, and while the folder is away, empty or another one", async () => {
  await using world = await World.make();
  world.write("a.raw");
  world.open = new Set([join(world.folder, "a.raw"), "/elsewhere/a.raw"]);
  await world.pass(5 * settleMs);
  expect(await world.taken(0)).toEqual([]);
  world.open = new Set();
  expect(await world.taken(1)).toEqual(["+a.raw"]);
  renameSync(world.folder, `${world.folder}.away`);
  await world.waitsFor("not-reachable", "there is no such");
  mkdirSync(world.folder);
  await world.waitsFor("not-reachable", "Another folder");
  await world.waitsFor("not-reachable", "It is empty, and there was something in it");
  rmSync(world.folder, { recursive: true });
  renameSync(`${world.folder}.away`, world.folder);
  world.write("Done.txt");
  expect(await world.taken(2)).toEqual(["+Done.txt", "end"]);
});

test("a folder that is not there cannot be followed", async () => {
  await using world = await World.make();
  await world.feed.close();
  rmSync(world.folder, { recursive: true });
  await expect(world.start()).rejects.toThrow("Cannot read");
});

test("how a run is followed is a text", () => {
  const follow = { settleMs: 1, runSettleMs: 2, profile: null, completeOn: "*.txt", isAsItIs: false };
  expect(readFollow(JSON.stringify(follow))).toEqual(follow);
  expect(() => readFollow("{}")).toThrow("cannot be read");
});
