// The bytes of a run that is still being written: a tar that grows. Who follows the run says what comes next; that is written down, in the plan,
// and read when it is sent. A file that is not what was announced any more is filled up with zeros to the size that its header says, and its
// follower is told: it comes again later, or is removed, before the end. So what is stored at the end is the run as it is then.

import { type Clock, sleep } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import { doubled, type Pauses } from "../../base/pauses.ts";
import { bagFault } from "../../tar/member-path.ts";
import type { Whole } from "../chunk.ts";
import type { MemberFiles } from "../dataset/member-files.ts";
import { nameFaultText, ownFault } from "../listing/name-faults.ts";
import { entryVersionOf } from "../listing/versions.ts";
import { statsOf } from "../open-file.ts";
import { CannotGoOn } from "../source.ts";
import { type LiveEntry, type LiveFeed, type LiveStep, RunAborted } from "./feed.ts";
import type { Growing } from "./growing-reader.ts";
import type { LivePlan } from "./live-plan.ts";

export interface LiveStreamParts {
  readonly plan: LivePlan;
  readonly feed: LiveFeed;
  readonly files: Pick<MemberFiles, "read" | "close">;
  readonly clock: Clock;
  readonly onNote: (text: string) => void;
  readonly signal: AbortSignal;
}

// What is written down together becomes durable by one call.
const stepsAtOnce = 1000;
const bytesAtOnce = 64 * 1024 * 1024;
// A network drive comes back, and a file that another program has locked is free again.
const readPauses: Pauses = { minMs: 1_000, maxMs: 60_000 };

export class LiveStream implements Growing {
  readonly #parts: LiveStreamParts;
  /** Up to here it is written down what is sent. */
  #end: number;
  /** Steps that were passed over, each by how many were in the plan then: who counts what it gave counts them as well. */
  readonly #passedOver: number[] = [];
  /** What is to be done when all that was given before it was read. */
  #held: LiveStep | undefined;
  #stored = -1;
  #isForBag = false;

  constructor(parts: LiveStreamParts) {
    const { plan, feed } = parts;
    this.#parts = parts;
    this.#end = plan.tar.membersEnd;
    for (const index of plan.spoiled) if (plan.counts(index)) feed.changed(plan.tar.path(index));
  }

  get #limit(): number {
    const { plan } = this.#parts;
    return plan.isEnded ? plan.tar.length : this.#end;
  }

  async ahead(offset: number, signal: AbortSignal): Promise<number> {
    const either = AbortSignal.any([signal, this.#parts.signal]);
    for (;;) {
      if (offset > this.#limit)
        throw new CannotGoOn(`The server has ${offset} bytes, and ${this.#limit} are known here`);
      if (offset < this.#limit || this.#parts.plan.isEnded) return this.#limit - offset;
      await this.#grow(either);
    }
  }

  /** All that is in the plan was read: asks for more, and waits when there is none. */
  async #grow(signal: AbortSignal): Promise<void> {
    const { plan, feed } = this.#parts;
    const before = plan.tar.count;
    const bytesBefore = plan.tar.membersEnd;
    let isDrained = false;
    let last = this.#held;
    this.#held = undefined;
    for (let steps = 0; steps < stepsAtOnce && plan.tar.membersEnd - bytesBefore < bytesAtOnce; steps++) {
      last ??= feed.next();
      if (last?.kind === "member") await this.#plan(last.path, last.entry);
      else if (last?.kind === "removed") this.#planRemoval(last.path);
      else {
        isDrained = last === undefined;
        break;
      }
      last = undefined;
    }
    if (plan.tar.count > before) {
      this.#held = last;
      return await this.#write();
    }
    if (last?.kind === "end") return await this.#planEnd();
    if (last?.kind === "aborted") throw new RunAborted(plan.folder, last);
    if (isDrained) await feed.more(signal);
  }

  async #plan(path: string, entry: LiveEntry): Promise<void> {
    const { plan, feed } = this.#parts;
    const fault = ownFault(path) ?? (this.#isForBag ? bagFault(path) : null);
    if (fault !== null) throw nameError(plan.at(path), fault);
    if (entry.type === "folder") return plan.addFolder(path, entry.modified);
    const stats = await statsOf(plan.at(path));
    const { size, modified, executable } = entry;
    const isSame =
      stats?.isFile() === true && Number(stats.size) === size && String(stats.mtimeNs) === modified;
    if (isSame) return plan.addFile({ path, size, executable, ...entryVersionOf(stats) });
    this.#passedOver.push(plan.tar.count);
    feed.changed(path);
  }

  #planRemoval(path: string): void {
    const { plan } = this.#parts;
    if (plan.has(path)) plan.addRemoval(path);
    else this.#passedOver.push(plan.tar.count);
  }

  async #planEnd(): Promise<void> {
    const { plan, feed } = this.#parts;
    const spoiled = [...plan.spoiled].filter((index) => plan.counts(index));
    if (spoiled.length === 0) {
      plan.addEnd();
      return await this.#write();
    }
    for (const index of spoiled) feed.changed(plan.tar.path(index));
  }

  async #write(): Promise<void> {
    const { plan } = this.#parts;
    await plan.write();
    this.#end = plan.tar.membersEnd;
  }

  async read(offset: number, into: Uint8Array): Promise<number> {
    return await this.#read(offset, into, (index, at, part) => this.#readContent(index, at, part));
  }

  async readAgain(offset: number, into: Uint8Array): Promise<number> {
    const { plan, files } = this.#parts;
    return await this.#read(offset, into, async (index, at, part) => {
      const path = plan.at(plan.tar.path(index));
      if (plan.spoiled.has(index)) throw notKnownAnyMore(path);
      await this.#patiently(() => files.read(index, at, part)).catch((error: unknown) => {
        throw isChange(error) ? notKnownAnyMore(path) : error;
      });
    });
  }

  async #read(
    offset: number,
    into: Uint8Array,
    content: (index: number, at: number, part: Uint8Array) => Promise<void>,
  ): Promise<number> {
    const length = Math.max(0, Math.min(into.length, this.#limit - offset));
    return await this.#parts.plan.tar.read(offset, into.subarray(0, length), content);
  }

  async #readContent(index: number, at: number, part: Uint8Array): Promise<void> {
    const { plan, files } = this.#parts;
    if (plan.spoiled.has(index)) return void part.fill(0);
    try {
      await this.#patiently(() => files.read(index, at, part));
    } catch (error) {
      if (!isChange(error)) throw error;
      part.fill(0);
      await this.#spoil(index);
    }
  }

  async #spoil(index: number): Promise<void> {
    const { plan, feed } = this.#parts;
    plan.addSpoiled(index);
    await plan.write();
    if (!plan.counts(index)) return;
    this.#held = undefined;
    feed.changed(plan.tar.path(index));
  }

  /** What cannot be read just now is waited for: the run goes on being written, and nothing else could be sent before it. */
  async #patiently(work: () => Promise<void>): Promise<void> {
    const { clock, onNote, signal } = this.#parts;
    for (let times = 0; ; times++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof DyncError) || error.code !== "source") throw error;
        if (times === 0) onNote(`${error.message}: trying again until it can be read`);
        await sleep(clock, doubled(readPauses, times), signal);
      }
    }
  }

  async ended({ size, checksum }: Whole): Promise<void> {
    const { plan } = this.#parts;
    plan.addWhole(size, Buffer.from(checksum).toString("hex"));
    await plan.write();
  }

  /** The server has the bytes before `offset`. */
  taken(offset: number): void {
    const { plan, feed } = this.#parts;
    const count = plan.tar.indexAt(Math.min(offset, this.#end));
    if (count === this.#stored) return;
    this.#stored = count;
    feed.stored(count + this.#passedOver.filter((planned) => planned <= count).length);
  }

  /** The server makes a bag: why what is there cannot be in one, `null` when it can. What comes is judged as well. */
  bagFault(): DyncError | null {
    this.#isForBag = true;
    const { plan } = this.#parts;
    for (const [path] of plan.members()) {
      const fault = bagFault(path);
      if (fault !== null) return nameError(plan.at(path), fault);
    }
    return null;
  }
}

function isChange(error: unknown): boolean {
  return error instanceof DyncError && error.code === "source-changed";
}

function notKnownAnyMore(path: string): CannotGoOn {
  return new CannotGoOn(
    `"${path}" is not what was sent of it, and how far its checksum was is not known any more`,
  );
}

// What was sent is of use: the file may be renamed, or left out.
function nameError(path: string, fault: string): DyncError {
  const hint = "rename it, or leave it out with --exclude";
  return new DyncError("source", nameFaultText(path, fault), { hint });
}
