// What a source makes of the steps that it is given: what it writes down, what it sends of files that change, and when it ends.

import { afterEach, beforeEach, expect, test } from "bun:test";
import { appendFile, mkdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { DyncError } from "../../../src/base/error.ts";
import { listFolder } from "../../../src/client/listing/listing.ts";
import type { LiveFeed, LiveStep } from "../../../src/client/live/feed.ts";
import { liveEntryOf } from "../../../src/client/live/live-entry.ts";
import { LiveSource } from "../../../src/client/live/live-source.ts";
import { sendRun } from "../../../src/client/live/send-run.ts";
import { CannotGoOn, GrowthRefused } from "../../../src/client/source.ts";
import { ManualClock } from "../../support/manual-clock.ts";
import { readTar } from "../../support/tars.ts";
import { type TempFolder, tempFolder } from "../../support/temp-folder.ts";
import { codeOf } from "../bytes-source.ts";

/** Gives what a test tells it to. */
class GivenFeed implements LiveFeed {
  readonly queue: LiveStep[] = [];
  readonly changes: string[] = [];
  before: readonly LiveStep[] = [];
  storedCount = 0;
  onChanged: (path: string) => void = () => {};
  wake: () => void = () => {};

  next(): LiveStep | undefined {
    return this.queue.shift();
  }

  async more(signal: AbortSignal): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.wake = resolve;
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
  }

  changed(path: string): void {
    this.changes.push(path);
    this.onChanged(path);
  }

  stored(count: number): void {
    this.storedCount = count;
  }

  async close(): Promise<void> {}
}

const selection = { include: [], exclude: [], links: "skip", all: false } as const;
const chunkMax = 100_000;

let folder: TempFolder;
let feed: GivenFeed;
let clock: ManualClock;
let notes: string[];
let source: LiveSource;

beforeEach(async () => {
  folder = await tempFolder();
  await mkdir(folder.file("run"));
  clock = new ManualClock();
  notes = [];
  feed = new GivenFeed();
  source = await open();
});

afterEach(async () => {
  await source.close();
  await folder[Symbol.asyncDispose]();
});

async function open(): Promise<LiveSource> {
  const run = { path: folder.file("run"), selection, follow: "" };
  const openFeed = async (_: unknown, steps: Iterable<LiveStep>): Promise<LiveFeed> => {
    feed.before = [...steps];
    return feed;
  };
  const parts = {
    openFeed,
    clock,
    writeAll: async () => false,
    onNote: (text: string) => void notes.push(text),
  };
  const opened = new LiveSource(run, parts, new AbortController().signal);
  await opened.begin(folder.file("state"));
  return opened;
}

/** Gives what lies at `path`, or will have lain there. */
async function give(path: string): Promise<LiveStep> {
  const stats = await stat(folder.file("run", path), { bigint: true });
  const step = {
    kind: "member",
    path,
    entry: liveEntryOf(stats.isDirectory() ? "folder" : "file", stats),
  } as const;
  feed.queue.push(step);
  return step;
}

async function file(path: string, content: string): Promise<void> {
  await writeFile(folder.file("run", path), content);
  // A file that was written just now is synced first.
  await utimes(folder.file("run", path), 1_600_000_000 + content.length, 1_600_000_000 + content.length);
}

function reader(from = source) {
  const allocate = (length: number) => ({ length, bytes: new Uint8Array(length), release: () => {} });
  return from.reader(allocate as never);
}

/** Everything from `offset` on up to the end, as it is sent. */
async function sendAll(chunks = reader(), offset = 0): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for (let at = offset; ; ) {
    const chunk = await chunks.chunkAt(at, chunkMax);
    chunks.sending?.(chunk);
    if (chunk.length === 0) return Buffer.concat(parts);
    parts.push(chunk.block?.bytes as Uint8Array);
    at += chunk.length;
  }
}

/** What a tar leaves in the end. */
function treeOf(tar: Uint8Array): Readonly<Record<string, string | null>> {
  const { members, removals } = readTar([tar]);
  const tree: Record<string, string | null> = {};
  for (const [index, { member, content }] of members.entries()) {
    for (const [path, at] of removals)
      if (at === index)
        for (const other of Object.keys(tree)) if (`${other}/`.startsWith(`${path}/`)) delete tree[other];
    tree[member.path] = member.type === "folder" ? null : Buffer.from(content).toString();
  }
  for (const [path, at] of removals)
    if (at === members.length)
      for (const other of Object.keys(tree)) if (`${other}/`.startsWith(`${path}/`)) delete tree[other];
  return tree;
}

test("members, removals and members that come again make a tar of what is there in the end", async () => {
  await mkdir(folder.file("run", "d"));
  await file("a", "first");
  await file("d/b", "in d");
  for (const path of ["a", "d", "d/b"]) await give(path);
  feed.queue.push({ kind: "removed", path: "d" }, { kind: "removed", path: "never came" });
  await file("c", "c");
  await give("c");
  feed.queue.push({ kind: "end" });
  const tar = await sendAll();
  expect(treeOf(tar)).toEqual({ a: "first", c: "c" });
  expect(source.whole?.size).toBe(tar.length);
  source.taken(tar.length);
  // With the one that was passed over.
  expect(feed.storedCount).toBe(6);
});

test("what was stored is known as a folder that is listed then, until something in it is another one", async () => {
  const listed = async (): Promise<string> =>
    (await listFolder({ folder: folder.file("run"), selection, known: null }, new AbortController().signal))
      .mark.digest;
  await mkdir(folder.file("run", "a"));
  // In the order of names, but for what is in a folder.
  for (const path of ["b", "a-", "a/z", "gone"]) await file(path, path);
  for (const path of ["b", "gone", "a/z", "a", "a-"]) await give(path);
  await rm(folder.file("run", "gone"));
  feed.queue.push({ kind: "removed", path: "gone" }, { kind: "end" });
  await sendAll();
  await Bun.$`chmod 640 ${folder.file("run", "b")}`.quiet();
  const digest = await listed();
  await source.confirmed();
  expect(source.mark).toEqual({ kind: "live", digest });
  await file("a/z", "another one");
  await source.confirmed();
  expect(source.mark).toEqual({ kind: "live", digest });
  expect(await listed()).not.toBe(digest);
});

test("a file that changes after it was given is filled up with zeros, comes again, and only then is it the end", async () => {
  await file("a", "before");
  await give("a");
  const chunks = reader();
  const header = await chunks.chunkAt(0, 512);
  chunks.sending?.(header);
  await file("a", "behind it");
  let again: Promise<LiveStep> | null = null;
  feed.onChanged = (path) => {
    again = give(path).then((step) => {
      feed.queue.push({ kind: "end" });
      feed.wake();
      return step;
    });
  };
  feed.queue.push({ kind: "end" });
  const tar = Buffer.concat([header.block?.bytes as Uint8Array, await sendAll(chunks, 512)]);
  await again;
  expect(feed.changes).toContain("a");
  const contents = readTar([tar]).members.map(({ content }) => Buffer.from(content).toString());
  expect(contents).toEqual(["\0".repeat(6), "behind it"]);
});

test("one that is another one when its turn comes is not announced at all", async () => {
  await file("a", "before");
  await give("a");
  await file("a", "behind it");
  await file("b", "b");
  await give("b");
  feed.queue.push({ kind: "end" });
  expect(treeOf(await sendAll())).toEqual({ b: "b" });
  expect(feed.changes).toEqual(["a"]);
});

test("a later process is given the same steps, tells again what was filled up, and goes on where the server is", async () => {
  await file("a", "first");
  await file("b", "x".repeat(2000));
  const steps = [await give("a"), await give("b")];
  const chunks = reader();
  const sent: Uint8Array[] = [];
  for (const [offset, length] of [
    [0, 1024],
    [1024, 1024],
  ] as const) {
    const chunk = await chunks.chunkAt(offset, length);
    chunks.sending?.(chunk);
    sent.push(chunk.block?.bytes as Uint8Array);
  }
  await source.close();
  await file("a", "nobody reads this");
  await file("b", "shorter");
  source = await open();
  expect(feed.before).toEqual(steps);
  const rest: Uint8Array[] = [];
  feed.onChanged = () => {
    // Given again when all before was read.
    void Promise.all([give("a"), give("b")]).then(() => {
      feed.queue.push({ kind: "end" });
      feed.wake();
    });
  };
  rest.push(await sendAll(reader(), 2048));
  expect(feed.changes).toEqual(["b"]);
  const tar = Buffer.concat([...sent, ...rest]);
  expect(treeOf(tar)).toEqual({ a: "nobody reads this", b: "shorter" });
  expect(Buffer.from(source.whole?.checksum ?? []).toString("hex")).toBe(
    new Bun.CryptoHasher("sha256").update(tar).digest("hex"),
  );
});

test("without the state of the checksum what was sent is read again, if it is what it was", async () => {
  await file("a", "first");
  await give("a");
  const chunks = reader();
  const first = await chunks.chunkAt(0, chunkMax);
  chunks.sending?.(first);
  await source.close();
  await rm(folder.file("state", "sha256"));
  source = await open();
  feed.queue.push({ kind: "end" });
  const tar = Buffer.concat([first.block?.bytes as Uint8Array, await sendAll(reader(), first.length)]);
  expect(Buffer.from(source.whole?.checksum ?? []).toString("hex")).toBe(
    new Bun.CryptoHasher("sha256").update(tar).digest("hex"),
  );
  await source.close();
  await rm(folder.file("state", "sha256"));
  await file("a", "another one");
  source = await open();
  await expect(reader().chunkAt(first.length, chunkMax)).rejects.toBeInstanceOf(CannotGoOn);
});

test("a plan that a crash cut ends with its last whole line, and one that is damaged cannot be gone on with", async () => {
  await file("a", "first");
  await file("b", "second");
  const steps = [await give("a"), await give("b")];
  await reader().chunkAt(0, chunkMax);
  await source.close();
  const plan = folder.file("state", "plan");
  const text = await readFile(plan, "utf8");
  await writeFile(plan, text.slice(0, -10));
  source = await open();
  expect(feed.before).toEqual(steps.slice(0, 1));
  await source.close();
  await appendFile(plan, "no JSON\n");
  await expect(open()).rejects.toBeInstanceOf(CannotGoOn);
  await writeFile(plan, text.replace('{"schema":1}', '{"schema":2}'));
  await expect(open()).rejects.toThrow("another version");
});

test.skipIf(process.getuid?.() === 0)(
  "a file that cannot be read just now is waited for, and nothing is sent in its place (not as root)",
  async () => {
    await file("a", "first");
    await give("a");
    const chunks = reader();
    const header = await chunks.chunkAt(0, 512);
    chunks.sending?.(header);
    await Bun.$`chmod 000 ${folder.file("run", "a")}`.quiet();
    const waiting = chunks.chunkAt(512, chunkMax);
    while (notes.length === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(notes).toEqual([expect.stringContaining("trying again until it can be read")]);
    await Bun.$`chmod 600 ${folder.file("run", "a")}`.quiet();
    clock.advance(1000);
    expect((await waiting).length).toBe(512);
  },
);

test("an aborted run, a name that no dataset may have, and one that no bag may have are said, and what was sent is of use", async () => {
  for (const [name, isForBag] of [
    ["con", false],
    ["50%", true],
  ] as const) {
    await file(name, "x");
    await give(name);
    if (isForBag) expect(source.bagFault()).toBeNull();
    const failed = reader().chunkAt(0, chunkMax);
    await expect(failed).rejects.toThrow(`${name}" cannot be sent: its path`);
    expect(await codeOf(failed)).toBe("source");
  }
  feed.queue.push({ kind: "aborted", reason: "run-aborted", why: "its report says so" });
  const failed = reader().chunkAt(0, chunkMax);
  await expect(failed).rejects.toThrow("was aborted: its report says so");
  expect(await codeOf(failed)).toBe("source");
});

test("a run goes as a dataset, when it is complete, where the server takes none that grows; and anew where nothing else helps", async () => {
  const run = { kind: "live", path: folder.file("run"), selection, follow: "" } as const;
  const sent: string[] = [];
  const parts = {
    openFeed: async () => feed,
    onNote: (text: string) => void notes.push(text),
    send: async ({ kind }: { readonly kind: string }) => {
      sent.push(kind);
      if (kind === "dataset") return "stored";
      throw new GrowthRefused("run.tar");
    },
  };
  const sending = sendRun(run, parts, new AbortController().signal);
  await new Promise((resolve) => setImmediate(resolve));
  expect(sent).toEqual(["live"]);
  feed.queue.push({ kind: "removed", path: "a" }, { kind: "end" });
  feed.wake();
  expect(await sending).toBe("stored");
  expect(sent).toEqual(["live", "dataset"]);
  let times = 0;
  const anew = async (): Promise<string> => {
    times += 1;
    throw new DyncError("checksum-mismatch", "The checksums differ");
  };
  const failing = sendRun(run, { ...parts, send: anew }, new AbortController().signal);
  expect(await codeOf(failing)).toBe("checksum-mismatch");
  expect(times).toBe(3);
});
