// How a simulated server asks the model of an object store: what `S3Client` is on a line. A question takes its time, and what it asks for happens although
// whoever asked is frozen or dead by then; or it is sent so slowly that it waits with who sends it, and comes when that wakes up. Answers
// get lost, and then it is asked again.

import { sleep } from "../../src/base/clock.ts";
import type {
  ListedMultipart,
  ListedObject,
  ListedPart,
  ObjectFacts,
  ObjectOptions,
  ObjectStore,
  Part,
} from "../../src/storage/s3/client/s3-client.ts";
import { NoAnswer, S3Error } from "../../src/storage/s3/client/s3-error.ts";
import type { Patience } from "../../src/storage/s3/client/s3-request.ts";
import { type ModelStore, md5Of, type StoredObject } from "./model-store.ts";
import type { SimulatedProcess } from "./simulated-process.ts";
import { check } from "./simulation-failure.ts";

export interface StoreLine {
  readonly process: Pick<SimulatedProcess, "clock" | "run">;
  readonly delayMs: () => number;
  /** Calls back later, whatever becomes of processes. */
  readonly after: (delayMs: number, callback: () => void) => void;
  /** Whether the next question is sent slowly. */
  readonly isSlow: () => boolean;
  /** Whether the next answer gets lost. */
  readonly isLost: () => boolean;
}

type Answer<Result> = { readonly value: Result } | { readonly error: unknown };

const silenceMs = 5_000;
const pauseMs = 500;

export class ModelStoreClient implements ObjectStore {
  readonly #store: ModelStore;
  readonly #line: StoreLine;

  constructor(store: ModelStore, line: StoreLine) {
    this.#store = store;
    this.#line = line;
  }

  get heedsConditions(): boolean {
    return this.#store.options.heedsConditions;
  }

  /** What comes of `act`, done in the store; where that goes away just then, it does `half`. */
  async #ask<Result>(
    { forMs, signal }: Patience,
    act: (store: ModelStore) => Result,
    half?: (store: ModelStore) => void,
  ): Promise<Result> {
    const { process } = this.#line;
    const { clock } = process;
    const began = clock.now();
    for (;;) {
      // What goes on after a turn of the event loop may be frozen, or dead, by then.
      await new Promise<void>((resolve) => process.run(resolve));
      signal?.throwIfAborted();
      const answer = await this.#once(act, half, signal);
      if (answer !== null) {
        if ("error" in answer) throw answer.error;
        return answer.value;
      }
      if (clock.now() - began + pauseMs > forMs) throw new NoAnswer("no answer");
      await sleep(clock, pauseMs, signal);
    }
  }

  /** `null`: no answer came. Rejects with the reason of `signal`; what was asked for happens all the same. */
  #once<Result>(
    act: (store: ModelStore) => Result,
    half: ((store: ModelStore) => void) | undefined,
    signal: AbortSignal | undefined,
  ) {
    const { process, delayMs, after, isSlow, isLost } = this.#line;
    return new Promise<Answer<Result> | null>((resolve, reject) => {
      const onAbort = (): void => reject(signal?.reason);
      signal?.addEventListener("abort", onAbort, { once: true });
      const end = (answer: Answer<Result> | null): void => {
        signal?.removeEventListener("abort", onAbort);
        resolve(answer);
      };
      process.clock.after(silenceMs, () => end(null));
      const arrive = (): void => {
        if (this.#store.isAway) return half?.(this.#store);
        const answer = attempted(() => act(this.#store));
        if (!isLost()) after(delayMs(), () => process.run(() => end(answer)));
      };
      if (isSlow()) process.clock.after(delayMs(), () => after(delayMs(), arrive));
      else after(delayMs(), arrive);
    });
  }

  close(): void {}

  async md5(body: readonly Uint8Array[]): Promise<Buffer> {
    return Buffer.from(md5Of(Buffer.concat(body)), "hex");
  }

  async tryConditions(): Promise<void> {}

  async bucketKeeps() {
    return { isVersioned: false, isLocked: false };
  }

  async head(key: string, patience: Patience): Promise<ObjectFacts | null> {
    return await this.#ask(patience, (store) => store.get(key)?.facts ?? null);
  }

  async read(key: string, patience: Patience) {
    const found = await this.#ask(patience, (store) => store.get(key));
    return found === null ? null : { bytes: Buffer.from(found.bytes), facts: found.facts };
  }

  async open(key: string, from: number, patience: Patience): Promise<AsyncIterable<Buffer> | null> {
    const found = await this.read(key, patience);
    if (found === null) return null;
    return (async function* () {
      yield found.bytes.subarray(from);
    })();
  }

  async put(key: string, body: readonly Uint8Array[], options: ObjectOptions, patience: Patience) {
    return (await this.store(key, body, options, patience)) !== null;
  }

  async store(
    key: string,
    body: readonly Uint8Array[],
    { about = {}, isNew = false }: ObjectOptions,
    patience: Patience,
  ): Promise<string | null> {
    const read = sent(body);
    return await this.#ask(
      patience,
      (store) => store.put(key, read(), about, isNew),
      (store) => store.halfStore(key),
    );
  }

  async copy(source: string, key: string, patience: Patience): Promise<void> {
    await this.#ask(patience, (store) => {
      const { bytes, facts } = expected(store.get(source));
      store.put(key, bytes, facts.about, false);
    });
  }

  async remove(key: string, patience: Patience): Promise<void> {
    await this.#ask(patience, (store) => store.remove(key));
  }

  async *list(prefix: string, patience: Patience): AsyncGenerator<ListedObject> {
    const rows = await this.#ask(patience, (store) =>
      store.keys(prefix).map((key) => ({ key, ...expected(store.get(key)).facts })),
    );
    for (const { key, size, etag, modified } of rows) yield { key, size, etag, modified };
  }

  async *names(prefix: string, patience: Patience): AsyncGenerator<string> {
    yield* await this.#ask(patience, (store) => store.names(prefix));
  }

  async begin(key: string, { about = {} }: ObjectOptions, patience: Patience): Promise<string> {
    return await this.#ask(patience, (store) => store.begin(key, about));
  }

  async putPart(
    { uploadId }: { readonly uploadId: string },
    number: number,
    body: readonly Uint8Array[],
    patience: Patience,
  ): Promise<string> {
    const read = sent(body);
    return await this.#ask(patience, (store) => store.putPart(uploadId, number, read()));
  }

  async copyPart(
    { uploadId }: { readonly uploadId: string },
    number: number,
    { source, from, bytes }: { readonly source: string; readonly from: number; readonly bytes: number },
    patience: Patience,
  ): Promise<string> {
    return await this.#ask(patience, (store) =>
      store.putPart(uploadId, number, expected(store.get(source)).bytes.slice(from, from + bytes)),
    );
  }

  async parts(_key: string, uploadId: string, patience: Patience): Promise<readonly ListedPart[] | null> {
    return await this.#ask(patience, (store) => store.parts(uploadId));
  }

  async complete(
    { uploadId }: { readonly uploadId: string },
    parts: readonly Part[],
    patience: Patience,
  ): Promise<"done" | "exists" | "gone"> {
    try {
      await this.#ask(patience, (store) => store.complete(uploadId, parts));
      return "done";
    } catch (error) {
      if (error instanceof S3Error && error.code === "NoSuchUpload") return "gone";
      throw error;
    }
  }

  async abort(_key: string, uploadId: string, patience: Patience): Promise<void> {
    await this.#ask(patience, (store) => store.abort(uploadId));
  }

  async *multiparts(prefix: string, patience: Patience): AsyncGenerator<ListedMultipart> {
    yield* await this.#ask(patience, (store) => store.multiparts(prefix));
  }
}

/** The bytes of `body` as they are when they arrive, which have to be those that were to be sent. */
function sent(body: readonly Uint8Array[]): () => Uint8Array {
  const md5 = md5Of(Buffer.concat(body));
  return () => {
    const bytes = Buffer.concat(body);
    check(md5Of(bytes) === md5, () => "what is sent changes on its way");
    return bytes;
  };
}

function expected(object: StoredObject | null): StoredObject {
  if (object === null) throw new S3Error(404, "NoSuchKey", "");
  return object;
}

function attempted<Result>(act: () => Result): Answer<Result> {
  try {
    return { value: act() };
  } catch (error) {
    // What else is thrown ends the simulation.
    if (!(error instanceof S3Error)) throw error;
    return { error };
  }
}
