// A run that is still being written, as a source. What is remembered of it lies in a folder of its own, which it gets when it is certain that no
// other process sends it.

import { join, resolve } from "node:path";
import { assert } from "../../base/assert.ts";
import { DyncError, messageOf, systemCode } from "../../base/error.ts";
import type { Block } from "../../transport/transport.ts";
import type { ChunkReading } from "../chunk.ts";
import { MemberFiles, type MemberFilesParts } from "../dataset/member-files.ts";
import type { SourceMark } from "../origin.ts";
import type { Growth, Source } from "../source.ts";
import type { LiveRun, OpenFeed } from "./feed.ts";
import { GrowingReader } from "./growing-reader.ts";
import { digestOfSent } from "./live-mark.ts";
import { LivePlan } from "./live-plan.ts";
import { LiveStream } from "./live-stream.ts";
import { SavedHash } from "./saved-hash.ts";

export interface LiveParts extends MemberFilesParts {
  readonly openFeed: OpenFeed;
  readonly onNote: (text: string) => void;
}

interface Begun {
  readonly plan: LivePlan;
  readonly hash: SavedHash;
  readonly stream: LiveStream;
  close(): Promise<void>;
}

export class LiveSource implements Source, Growth {
  readonly size = null;
  readonly canSeek = true;
  readonly modified = null;
  mark: SourceMark = { kind: "live" };
  readonly #run: LiveRun;
  readonly #parts: LiveParts;
  readonly #signal: AbortSignal;
  #begun: Begun | null = null;

  constructor(run: LiveRun, parts: LiveParts, signal: AbortSignal) {
    this.#run = { ...run, path: resolve(run.path) };
    this.#parts = parts;
    this.#signal = signal;
  }

  get growth(): Growth {
    return this;
  }

  async begin(folder: string): Promise<void> {
    assert(this.#begun === null, "a run is begun once");
    const opened: (() => Promise<void>)[] = [];
    const close = async (): Promise<void> => {
      for (const one of opened.splice(0).reverse()) await one();
    };
    try {
      const plan = await LivePlan.open(this.#run.path, join(folder, "plan"));
      opened.push(() => plan.close());
      const hash = await SavedHash.open(join(folder, "sha256"));
      opened.push(async () => hash.close());
      const { openFeed, onNote } = this.#parts;
      const feed = await openFeed(this.#run, plan.steps(), this.#signal, onNote);
      opened.push(() => feed.close());
      const files = new MemberFiles(plan, this.#parts);
      opened.push(() => files.close());
      const stream = new LiveStream({ ...this.#parts, plan, feed, files, signal: this.#signal });
      this.#begun = { plan, hash, stream, close };
    } catch (error) {
      await close();
      if (error instanceof DyncError || systemCode(error) === null) throw error;
      throw new DyncError("configuration", `Cannot write to ${folder}: ${messageOf(error)}`, {
        cause: error,
      });
    }
  }

  get #there(): Begun {
    assert(this.#begun !== null, "a run is begun before it is read");
    return this.#begun;
  }

  reader(allocate: (length: number) => Block): ChunkReading {
    const { stream, hash } = this.#there;
    return new GrowingReader(stream, hash, allocate);
  }

  get whole(): ChunkReading["whole"] {
    const { whole } = this.#there.plan;
    return whole === null ? null : { size: whole.size, checksum: Buffer.from(whole.sha256, "hex") };
  }

  taken(offset: number): void {
    this.#there.stream.taken(offset);
  }

  async confirmed(): Promise<void> {
    this.mark = { kind: "live", digest: await digestOfSent(this.#there.plan) };
  }

  bagFault(): DyncError | null {
    return this.#there.stream.bagFault();
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    return await this.#there.stream.readAgain(offset, into);
  }

  // Each file was compared when it was read, and the run by who follows it.
  async verifyUnchanged(): Promise<void> {}

  async close(): Promise<void> {
    await this.#begun?.close();
    this.#begun = null;
  }
}
