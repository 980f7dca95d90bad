// Uploads that a storage worker has: their bytes and checksums, whose memory it is and until when, and what becomes of them when
// their worker is at fault, or gone.

import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openMemory } from "../../src/base/memory/open-memory.ts";
import { isPoisoned, poison } from "../../src/base/poison.ts";
import type { FilesystemStorage } from "../../src/storage/filesystem.ts";
import { stateFolder } from "../../src/storage/state-folder.ts";
import type { Sink, SinkEvents, StoredNote } from "../../src/storage/storage.ts";
import { openFileSystemSync } from "../../src/storage/syncfs/open-file-system-sync.ts";
import type { FromWorker, ToWorker } from "../../src/storage/workers/said.ts";
import { type StartThread, startThread } from "../../src/storage/workers/thread.ts";
import type { Form } from "../../src/upload/upload.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { bytesOf, codeOf, descriptionOf, idOf } from "./contract.ts";
import { tarBytes } from "./dataset-world.ts";
import { openStorage } from "./open-storage.ts";

// A disk would take seconds for the syncs. Who ends these tests in their midst says where, and removes it.
const memory = process.env.DYNC_TEST_FOLDER ?? (existsSync("/dev/shm") ? "/dev/shm" : tmpdir());
// More than goes over as it is.
const chunkBytes = 50_000;
const destination = { folder: "anna", name: "a" };

interface Options {
  readonly start?: StartThread;
  readonly smallBytes?: number;
  readonly threads?: number;
}

async function open({ start, smallBytes = 0, threads = 2 }: Options = {}) {
  const folder = await tempFolder(memory);
  const workers = { threads, smallBytes, ...(start === undefined ? {} : { start }) };
  const storage = await openStorage(folder.path, { workers, syncEveryBytes: 10 * chunkBytes });
  return {
    storage,
    partial: (number: number) => readFileSync(join(stateFolder(folder.path), "partial", idOf(number))),
    published: (path = "a") => readFileSync(join(folder.path, "anna", path)),
    [Symbol.asyncDispose]: async () => {
      await storage.close();
      await folder[Symbol.asyncDispose]();
    },
  };
}

/** Who sends an upload: its memory is poisoned when it is released, as what libzmq uses again. */
class Sender {
  readonly told: string[] = [];
  readonly content: Uint8Array;
  held = 0;
  sent = 0;
  sink: Sink | null = null;
  readonly failed = Promise.withResolvers<{ readonly error: unknown; readonly note: StoredNote }>();
  #stored = Promise.withResolvers<void>();
  #wanted = Number.POSITIVE_INFINITY;

  constructor(bytes: number | Uint8Array, seed = 1) {
    if (typeof bytes !== "number") this.content = bytes;
    else this.content = Uint8Array.from({ length: bytes }, (_, at) => (at * 31 + (at >> 8) * seed) % 219);
  }

  get sha256(): string {
    return createHash("sha256").update(this.content).digest("hex");
  }

  readonly events: SinkEvents = {
    onStored: (offset) => {
      if (offset >= this.#wanted) this.#stored.resolve();
    },
    onNote: () => {},
    onFailed: (error, note) => this.failed.resolve({ error, note }),
    onRefused: (error) => this.told.push(error.code),
  };

  /** Sends what comes next, up to `end`. */
  send(end = this.content.length, bytes = chunkBytes): void {
    while (this.sent < end) {
      const offset = this.sent;
      const data = this.content.slice(offset, Math.min(end, offset + bytes));
      let isReleased = false;
      this.held++;
      this.sent += data.length;
      const release = (): void => {
        expect(isReleased).toBe(false);
        isReleased = true;
        this.held--;
        poison(data);
      };
      this.sink?.write({ offset, data, release });
    }
  }

  /** Resolves when all before `offset` is stored. */
  stored(offset = this.content.length): Promise<void> {
    this.#wanted = offset;
    this.#stored = Promise.withResolvers();
    if ((this.sink?.length ?? 0) >= offset) this.#stored.resolve();
    return this.#stored.promise;
  }
}

async function begin(
  storage: FilesystemStorage,
  number: number,
  bytes: number | Uint8Array,
  form: Form = "file",
): Promise<Sender> {
  const sender = new Sender(bytes, number);
  sender.sink = await storage.begin(idOf(number), form, sender.events);
  return sender;
}

async function resume(
  storage: FilesystemStorage,
  number: number,
  sender: Sender,
  note: StoredNote,
  form: Form = "file",
) {
  sender.sink = await storage.resume(idOf(number), form, note, sender.events);
  const sink = sender.sink as Sink;
  sender.sent = sink.length;
  return sink;
}

async function finish(sender: Sender, number: number): Promise<void> {
  const { sink, content } = sender;
  expect(await sink?.digest()).toBe(sender.sha256);
  const contents = (await sink?.contents()) ?? null;
  await sink?.publish(destination, descriptionOf(idOf(number), "anna", "a", content, contents));
}

/** A thread whose words the test may change: `hear` is given what it says, and passes on what the main thread is to hear. */
function between(
  hear: (message: FromWorker, pass: (message: FromWorker) => void, post: (message: ToWorker) => void) => void,
): StartThread {
  return (events) => {
    const thread = startThread({
      ...events,
      onMessage: (message) => hear(message, events.onMessage, (said) => thread.post(said)),
    });
    return thread;
  };
}

const noOptions = {} as Extract<ToWorker, { type: "start" }>["options"];
const lateStart = { type: "start", options: noOptions, stages: null } as const;

describe("the bytes of uploads", () => {
  test("several at once, in chunks of all lengths, arrive whole, and no memory stays held", async () => {
    await using world = await open();
    const senders = await Promise.all([1, 2, 3, 4].map((number) => begin(world.storage, number, 900_000)));
    for (let round = 0; round < 30; round++)
      for (const [index, sender] of senders.entries()) {
        const bytes = [700, 4096, 4097, 61_000][(round + index) % 4] as number;
        sender.send(Math.min(sender.content.length, sender.sent + bytes), bytes);
      }
    for (const sender of senders) sender.send();
    await Promise.all(senders.map((sender) => sender.stored()));
    for (const [index, sender] of senders.entries()) {
      expect(await sender.sink?.digest()).toBe(sender.sha256);
      expect(world.partial(index + 1).equals(sender.content)).toBe(true);
      expect(sender.held).toBe(0);
      await sender.sink?.close();
    }
  });

  test("a chunk that nobody looked at yet is stored without a view of it", async () => {
    await using world = await open();
    const memory = await openMemory();
    const sender = await begin(world.storage, 1, 2 * chunkBytes);
    const { content } = sender;
    const address = memory?.addressOf(content) as number;
    for (const offset of [0, chunkBytes]) {
      const view = () => content.subarray(offset, offset + chunkBytes);
      const far = { length: chunkBytes, address: address + offset, view };
      const chunk = {
        ...{ offset, far, isAwaited: offset > 0, release: () => {} },
        get data(): Uint8Array {
          throw new Error("Somebody looks at it");
        },
      };
      sender.sink?.write(chunk);
    }
    await sender.stored();
    await finish(sender, 1);
    expect(world.published().equals(content)).toBe(true);
  });

  test("one that comes back goes on at once, since its worker still has the state of the checksum", async () => {
    await using world = await open();
    const sender = await begin(world.storage, 1, 10 * chunkBytes);
    sender.send(4 * chunkBytes);
    await sender.stored(4 * chunkBytes);
    const note = await (sender.sink as Sink).close();
    expect(note).toEqual({ durable: 4 * chunkBytes, mark: "boot" });
    const sink = await resume(world.storage, 1, sender, note);
    expect([sink.isReady, sink.length]).toEqual([true, 4 * chunkBytes]);
    sender.send();
    await sender.stored();
    await finish(sender, 1);
    expect(world.published().equals(sender.content)).toBe(true);
  });

  test("what is put away right behind its chunks holds none of them, and has as much as it says", async () => {
    await using world = await open();
    const sender = await begin(world.storage, 1, 10 * chunkBytes);
    sender.send(5 * chunkBytes);
    const { durable } = await (sender.sink as Sink).close();
    expect(sender.held).toBe(0);
    expect(world.partial(1).equals(sender.content.subarray(0, durable))).toBe(true);
  });

  test("a chunk of somebody who does not know of a failure is dropped, and its memory given back", async () => {
    await using world = await open();
    const sender = await begin(world.storage, 1, 10 * chunkBytes);
    sender.send(chunkBytes);
    sender.sent = 3 * chunkBytes;
    sender.send(5 * chunkBytes);
    await sender.stored(chunkBytes);
    expect(await (sender.sink as Sink).close()).toEqual({ durable: chunkBytes, mark: "boot" });
    expect(sender.held).toBe(0);
  });

  test("a chunk that a worker drops itself is given back as well", async () => {
    // As one that came before its worker said that something was cut off.
    const start: StartThread = (events) => {
      const thread = startThread(events);
      const moved = (it: number, at: number) => (at === 2 * 6 + 2 ? it + 1 : it);
      const post = (said: ToWorker): void =>
        thread.post(said.type === "chunks" ? { ...said, chunks: said.chunks.map(moved) } : said);
      return { post, terminate: () => thread.terminate() };
    };
    await using world = await open({ start });
    const sender = await begin(world.storage, 1, 5 * chunkBytes);
    sender.send();
    await sender.stored(2 * chunkBytes);
    expect(await (sender.sink as Sink).close()).toEqual({ durable: 2 * chunkBytes, mark: "boot" });
    expect(sender.held).toBe(0);
  });

  test("what is small, or announced by nobody here, is the main thread's: no thread is started for it", async () => {
    const started: string[] = [];
    const start: StartThread = (events) => {
      started.push("one");
      return startThread(events);
    };
    await using world = await open({ start, smallBytes: 1000 });
    const [small, large] = [1000, 1001].map((size) => ({ size }));
    const events = new Sender(1).events;
    await (await world.storage.begin(idOf(1), "file", events, small)).close();
    expect(started).toEqual([]);
    await (await world.storage.begin(idOf(2), "file", events, large)).close();
    await (await world.storage.begin(idOf(3), "file", events)).close();
    // The first one has nothing to do by then.
    expect(started).toEqual(["one"]);
  });

  test("as many threads are started as there are uploads, up to the number that is set", async () => {
    let started = 0;
    const start: StartThread = (events) => {
      started++;
      return startThread(events);
    };
    await using world = await open({ start, threads: 2 });
    const senders = await Promise.all([1, 2, 3].map((number) => begin(world.storage, number, chunkBytes)));
    expect(started).toBe(2);
    for (const { sink } of senders) await sink?.close();
  });

  test("what the system says of a name comes back as it is from the main thread", async () => {
    await using world = await open();
    for (const number of [1, 2]) {
      const sender = await begin(world.storage, number, chunkBytes);
      sender.send();
      await sender.stored();
      if (number === 1) await finish(sender, number);
      else {
        expect(await codeOf(finish(sender, number))).toBe("name-taken");
        await sender.sink?.discard();
      }
    }
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  });
});

const canSyncAll = (await openFileSystemSync()) !== null;
// More than are asked for at once.
const members = Array.from({ length: 600 }, (_, number) => [`run/${number}.txt`, `${number} times`] as const);

describe("datasets", () => {
  async function expectPublished(world: Awaited<ReturnType<typeof open>>): Promise<void> {
    const lines = members.map(([path, text]) => {
      expect(world.published(`a/${path}`).toString()).toBe(text);
      return `${createHash("sha256").update(text).digest("hex")}  a/${path}`;
    });
    const listed = world.published("a.sha256").toString().trimEnd().split("\n");
    expect(listed.toSorted()).toEqual(lines.toSorted());
  }

  test("are unpacked by a worker, and published whole by the main thread", async () => {
    const asked: string[] = [];
    const start = between((message, pass) => {
      if (message.type === "request") asked.push(message.request.type);
      pass(message);
    });
    await using world = await open({ start });
    const sender = await begin(world.storage, 1, tarBytes(members), "plain");
    sender.send();
    await sender.stored();
    expect(sender.held).toBe(0);
    await finish(sender, 1);
    await expectPublished(world);
    // All of it is made durable by one call, where the system has that, once what describes it is there.
    if (canSyncAll) expect(asked.slice(-2)).toEqual(["publish-dataset", "sync"]);
  });

  test("go on in another worker when theirs ends while they are published", async () => {
    let isFirst = true;
    const faulty = between((message, pass, post) => {
      if (message.type === "request" && message.request.type === "publish-dataset" && isFirst) {
        isFirst = false;
        post(lateStart);
      }
      pass(message);
    });
    await using world = await open({ start: faulty });
    const sender = await begin(world.storage, 1, tarBytes(members), "plain");
    sender.send();
    await sender.stored();
    expect(await codeOf(finish(sender, 1))).toBe("not-ready");
    const sink = await resume(world.storage, 1, sender, await (sender.sink as Sink).close(), "plain");
    if (!sink.isReady) await sink.prepare();
    expect(sink.length).toBe(sender.content.length);
    await finish(sender, 1);
    await expectPublished(world);
  });
});

describe("a worker that ends", () => {
  /** Stores four chunks and more, and has the worker end in the midst of it, by `hear`. */
  async function interrupted(start: StartThread) {
    const world = await open({ start });
    const sender = await begin(world.storage, 1, 40 * chunkBytes);
    sender.send(20 * chunkBytes);
    const { error, note } = await sender.failed.promise;
    expect(error).toMatchObject({ code: "not-ready" });
    expect(note.mark).toBeNull();
    const sink = sender.sink as Sink;
    expect(await codeOf(sink.rewind())).toBe("not-ready");
    expect(sink.isReady).toBe(false);
    // What still comes is dropped.
    const { held } = sender;
    sender.send(21 * chunkBytes);
    expect(sender.held).toBe(held);
    return { world, sender, note: await sink.close() };
  }

  /** Does `once` when the worker tells of its first progress; says whether what it told is passed on. */
  function atProgress(once: Parameters<typeof between>[0]): StartThread {
    let isDone = false;
    return between((message, pass, post) => {
      if (message.type !== "progress" || isDone) return pass(message);
      isDone = true;
      once(message, pass, post);
    });
  }

  async function goesOn({ world, sender, note }: Awaited<ReturnType<typeof interrupted>>): Promise<void> {
    const sink = await resume(world.storage, 1, sender, note);
    if (!sink.isReady) await sink.prepare();
    sender.send();
    await sender.stored();
    await finish(sender, 1);
    expect(world.published().equals(sender.content)).toBe(true);
  }

  test("by a fault of its own: what it wrote counts, memory is given back, and another one goes on", async () => {
    const faulty = atProgress((message, pass, post) => {
      pass(message);
      post(lateStart);
    });
    const left = await interrupted(faulty);
    await using _world = left.world;
    expect(left.sender.held).toBe(0);
    expect(left.note.mark).toBe("boot");
    expect(left.world.partial(1).equals(left.sender.content.subarray(0, left.note.durable))).toBe(true);
    await goesOn(left);
    expect(left.sender.held).toBe(0);
  });

  test("without a word: nothing it wrote counts but what is durable, and its memory is nobody's for good", async () => {
    let isFirst = true;
    const start: StartThread = (events) => {
      const thread = startThread({
        ...events,
        onMessage: (message) => {
          if (message.type !== "progress" || !isFirst) return events.onMessage(message);
          isFirst = false;
          const [released, stored] = [
            message.released.slice(0, 2),
            [message.stored[0] as number, chunkBytes],
          ];
          events.onMessage({ ...message, released, stored });
          events.onGone("it was killed");
        },
      });
      return thread;
    };
    const left = await interrupted(start);
    await using _world = left.world;
    expect(left.sender.held).toBeGreaterThan(0);
    expect(left.sender.sink?.length).toBeGreaterThan(0);
    expect(left.note).toEqual({ durable: 0, mark: null });
    await goesOn(left);
  });

  test("one that says that more is stored than it gave back is not believed", async () => {
    const early = atProgress((message, pass) => {
      const { stored } = message as Extract<FromWorker, { type: "progress" }>;
      pass({ type: "progress", released: [], stored });
    });
    const left = await interrupted(early);
    await using _world = left.world;
    expect(left.sender.held).toBe(0);
    await goesOn(left);
  });

  test("one that gives memory back twice is not believed", async () => {
    const twice = atProgress((message, pass) => {
      const { released, stored } = message as Extract<FromWorker, { type: "progress" }>;
      pass({ type: "progress", released: [...released, ...released.slice(0, 2)], stored });
    });
    const left = await interrupted(twice);
    await using _world = left.world;
    expect(left.sender.held).toBe(0);
    await goesOn(left);
  });

  test("what is discarded then is gone", async () => {
    const world = await open({
      start: atProgress((_message, _pass, post) => post(lateStart)),
    });
    await using _world = world;
    const sender = await begin(world.storage, 1, 10 * chunkBytes);
    sender.send();
    await sender.failed.promise;
    await sender.sink?.discard();
    expect(sender.held).toBe(0);
    expect(await Array.fromAsync(world.storage.ids())).toEqual([]);
  });

  test("where none can be started the main thread does it", async () => {
    let started = 0;
    const start: StartThread = (events) => {
      started++;
      queueMicrotask(() => events.onGone("there is no code for it"));
      return { post() {}, terminate() {} };
    };
    await using world = await open({ start });
    expect(await codeOf(begin(world.storage, 1, chunkBytes))).toBe("not-ready");
    const sender = await begin(world.storage, 2, chunkBytes);
    sender.send();
    await sender.stored();
    await finish(sender, 2);
    expect(started).toBe(1);
  });
});

test("poison is known by both ends of what it was put into", () => {
  const bytes = bytesOf("x".repeat(500));
  expect(isPoisoned(bytes)).toBe(false);
  poison(bytes);
  expect(isPoisoned(bytes)).toBe(true);
  bytes[499] = 0;
  expect(isPoisoned(bytes)).toBe(false);
});
