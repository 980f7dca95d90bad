// The main thread's end of a thread that reads: asks it, and gives the answers to who wanted them. A thread that fails answers nothing
// any more, and touches no memory.

import { assert } from "../../base/assert.ts";
import { messageOf } from "../../base/error.ts";
import { workerUrl } from "../../base/worker-url.ts";
import type { Answer, Question } from "./said.ts";

/** The thread failed, and with it all that it was asked. */
export class ThreadFailed extends Error {}

export class ReadingThread {
  readonly #worker: Worker;
  readonly #givenUp = new Int32Array(new SharedArrayBuffer(4));
  readonly #asked: PromiseWithResolvers<Answer>[] = [];
  #lastRead = 0;
  #failure: ThreadFailed | null = null;

  /** Starts the thread. Throws what the runtime throws where it cannot. `url` is that of its code, for tests. */
  constructor(url = workerUrl("./reading-worker.ts", "src/client/beside", import.meta.url)) {
    this.#worker = new Worker(url, { type: "module" });
    this.#worker.addEventListener("message", ({ data }: MessageEvent) => this.#hear(data as Answer));
    this.#worker.addEventListener("error", (event: ErrorEvent) => {
      // Else the whole program would end by it in Deno.
      event.preventDefault();
      this.#fail(event.message);
    });
    this.#worker.addEventListener("close", () => this.#fail("it ended"));
    // What comes of it is seen by what is asked next.
    this.#ask({ type: "start", givenUp: this.#givenUp }).catch(() => {});
  }

  /** Whether it has answered everything: it does nothing then. */
  get isIdle(): boolean {
    return this.#asked.length === 0;
  }

  /** Opens a file. Resolves to whether it is the one that is meant. As `read`. */
  async open(file: Omit<Extract<Question, { type: "open" }>, "type">): Promise<boolean> {
    return (await this.#ask({ type: "open", ...file })).type === "done";
  }

  /**
   * Reads `length` bytes at `offset` into the memory at `address`, which stays the thread's until this settles. Rejects with `ThreadFailed`.
   */
  async read(offset: number, address: number, length: number): Promise<Answer> {
    return await this.#ask({ type: "read", number: ++this.#lastRead, offset, address, length });
  }

  /** Begins to hash bytes that it is told of. As `read`. */
  async beginHash(): Promise<void> {
    await this.#ask({ type: "begin-hash" });
  }

  /** Hashes `length` bytes at `address`, which stay as they are until this settles. As `read`. */
  async hash(address: number, length: number): Promise<void> {
    await this.#ask({ type: "hash", address, length });
  }

  /** SHA-256 of what it read or hashed so far. As `read`. */
  async digest(): Promise<Buffer> {
    const answer = await this.#ask({ type: "digest" });
    if (answer.type !== "digest") throw this.#fail(`it answered "${answer.type}" where a digest was wanted`);
    return Buffer.from(answer.digest);
  }

  /** Nobody wants what it was told to read so far: it answers soon. */
  giveUp(): void {
    Atomics.store(this.#givenUp, 0, this.#lastRead);
  }

  /** Closes the file, or ends the hash, and resolves when nothing is left to be done. As `read`. */
  async closeFile(): Promise<void> {
    await this.#ask({ type: "close" });
  }

  /** Ends the thread, which does nothing. */
  end(): void {
    assert(this.isIdle, "a thread that reads into somebody's memory is left alone");
    this.#fail("it was ended");
    this.#worker.terminate();
  }

  #ask(question: Question): Promise<Answer> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const asked = Promise.withResolvers<Answer>();
    this.#asked.push(asked);
    // A program that waits for nothing else waits for this.
    this.#worker.ref?.();
    try {
      this.#worker.postMessage(question);
    } catch (error) {
      this.#fail(messageOf(error));
    }
    return asked.promise;
  }

  #hear(answer: Answer): void {
    if (answer.type === "broken") {
      this.#fail(answer.reason);
      return this.#worker.terminate();
    }
    this.#asked.shift()?.resolve(answer);
    if (this.isIdle) this.#worker.unref?.();
  }

  #fail(reason: string): ThreadFailed {
    this.#failure ??= new ThreadFailed(reason);
    this.#worker.unref?.();
    for (const { reject } of this.#asked.splice(0)) reject(this.#failure);
    return this.#failure;
  }
}
