// A thread that reads files and hashes them, or hashes bytes that were read elsewhere: one file or stream at a time, in memory of which it
// is told where it lies, and which it does not look at any more when it has answered. Started by `reading-thread.ts`.

import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { messageOf, systemCode } from "../../base/error.ts";
import type { Memory } from "../../base/memory/memory.ts";
import { openMemory } from "../../base/memory/open-memory.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { isEqual, versionOf } from "../file-version.ts";
import { HashedReading, HashHere } from "../hashed-reading.ts";
import { openFlags } from "../open-file.ts";
import type { Answer, Question } from "./said.ts";

declare const self: Worker;

class GivenUp extends Error {}

type Asked<Type> = Extract<Question, { type: Type }>;

class Desk {
  readonly #givenUp: Int32Array;
  readonly #memory: Memory;
  #file: { readonly fd: number; readonly reading: HashedReading } | null = null;
  /** Of bytes that it is told of, while no file is open. */
  #hash: HashHere | null = null;
  /** Number of the read that is being done. */
  #number = 0;

  constructor({ givenUp }: Asked<"start">, memory: Memory) {
    this.#givenUp = givenUp;
    this.#memory = memory;
  }

  async answer(question: Exclude<Question, Asked<"start">>): Promise<Answer> {
    switch (question.type) {
      case "open":
        return this.#open(question);
      case "read":
        return await this.#read(question);
      case "begin-hash":
        this.#close();
        this.#hash = new HashHere();
        return { type: "done" };
      case "hash":
        return this.#hashAt(question);
      case "digest":
        return { type: "digest", digest: await (this.#hash ?? this.#opened.reading).digest() };
      case "close":
        this.#close();
        return { type: "done" };
    }
  }

  get #opened(): { readonly fd: number; readonly reading: HashedReading } {
    if (this.#file === null) throw new Error("A file is opened before it is read");
    return this.#file;
  }

  // Why it cannot be opened is said by who opened it before, and will find out.
  #open({ path, begin, version }: Asked<"open">): Answer {
    this.#close();
    let fd: number;
    try {
      fd = openSync(systemPathBytes(path), openFlags);
    } catch {
      return { type: "not-there" };
    }
    if (!isEqual(version, versionOf(fstatSync(fd, { bigint: true })))) {
      closeSync(fd);
      return { type: "not-there" };
    }
    const read = (offset: number, into: Uint8Array): number => this.#readOnce(fd, begin + offset, into);
    this.#file = { fd, reading: new HashedReading(read) };
    return { type: "done" };
  }

  async #read({ number, offset, address, length }: Asked<"read">): Promise<Answer> {
    const { reading } = this.#opened;
    this.#number = number;
    const view = this.#memory.viewAt(address, length);
    try {
      if (!(await reading.hashUpTo(offset))) return { type: "too-short", end: reading.hashed };
      return { type: "read", count: await reading.fill(offset, view) };
    } catch (error) {
      if (error instanceof GivenUp) return { type: "given-up" };
      return { type: "unreadable", message: messageOf(error), code: systemCode(error) };
    } finally {
      this.#memory.leave(view);
    }
  }

  #hashAt({ address, length }: Asked<"hash">): Answer {
    if (this.#hash === null) throw new Error("A hash is begun before it is told of bytes");
    const view = this.#memory.viewAt(address, length);
    this.#hash.update(view);
    this.#memory.leave(view);
    return { type: "done" };
  }

  #readOnce(fd: number, position: number, into: Uint8Array): number {
    let filled = 0;
    while (filled < into.length) {
      if (this.#number <= Atomics.load(this.#givenUp, 0)) throw new GivenUp();
      const count = readSync(fd, into, filled, into.length - filled, position + filled);
      if (count === 0) break;
      filled += count;
    }
    return filled;
  }

  #close(): void {
    if (this.#file !== null) closeSync(this.#file.fd);
    this.#file = null;
    this.#hash = null;
  }
}

// Every view of memory counts as its size for the garbage collector: what is never touched makes the heap look larger, and
// collections rarer (`zmq-transport.ts`).
const ballast = new ArrayBuffer(16 * 1024 * 1024);

async function open(question: Asked<"start">): Promise<Desk> {
  const memory = await openMemory();
  if (memory === null || ballast.byteLength === 0) throw new Error("no way to memory by its address");
  return new Desk(question, memory);
}

let desk: Promise<Desk> | null = null;
let answered: Promise<void> = Promise.resolve();

async function answer(question: Question): Promise<Answer> {
  if (question.type === "start") {
    desk = open(question);
    await desk;
    return { type: "done" };
  }
  if (desk === null) throw new Error("A thread is started before it is asked");
  return await (await desk).answer(question);
}

self.onmessage = ({ data }: MessageEvent) => {
  answered = answered.then(async () => {
    // What is wrong with this thread itself is no error of the file: the main thread then reads on.
    const broken = (error: unknown): Answer => ({ type: "broken", reason: messageOf(error) });
    postMessage(await answer(data as Question).catch(broken));
  });
};
