// A tar that is nowhere: made anew from a list of members and their content, from any offset, as often as wanted. The list takes
// little memory, so that it may be long, and grows at its end, as every tar does. Pure.

import { assert } from "../base/assert.ts";
import { parseTimestamp, timestampOf } from "../base/timestamp.ts";
import { Column, TextColumn } from "./columns.ts";
import { encodeMember } from "./header.ts";
import { blockBytes, type Member, paddingOf, type Removal } from "./member.ts";

/** Fills all of `into` with the content of member `index` from `offset` on. What it throws comes out of `read`. */
export type ReadContent = (index: number, offset: number, into: Uint8Array) => Promise<void> | void;

/** Two blocks of zeros. */
const endBytes = 2 * blockBytes;
const isFolder = 1;
const isExecutable = 2;
const isRemoval = 4;
const typeFlags = { file: 0, folder: isFolder, removed: isRemoval };
/** What a removal has of what members have. */
const nothing = { size: 0, modified: null, executable: false };
const perSecond = 1_000_000_000n;

/**
 * The tar of a list of members. A folder has to come before all that is in it, and that directly behind it ("a", "a/b", "a-c"): GNU
 * tar gives a folder its time when it comes to what is not within, and loses that of one to which it comes back.
 */
export class VirtualTar {
  readonly #paths = new TextColumn();
  readonly #sizes = new Column(Float64Array);
  /** Where each member's header begins. */
  readonly #starts = new Column(Float64Array);
  /** Whole seconds since 1970, NaN for a time that is not known, and the nanoseconds that go on top. */
  readonly #seconds = new Column(Float64Array);
  readonly #nanoseconds = new Column(Uint32Array);
  readonly #flags = new Column(Uint8Array);
  /** Where the next member begins, or the end. */
  #end = 0;

  constructor(members: Iterable<Member> = []) {
    for (const member of members) this.append(member);
  }

  /** Members in the list, and removals. */
  get count(): number {
    return this.#paths.length;
  }

  /** Bytes of the whole tar. */
  get length(): number {
    return this.#end + endBytes;
  }

  /** Bytes of all members: where the next one would begin. */
  get membersEnd(): number {
    return this.#end;
  }

  /** Puts `member` behind all others. What was read before stays as it was, but for the end of the tar. */
  append(member: Member | Removal): void {
    const header = encodeMember(member);
    const { path, size, modified, executable } =
      member.type === "removed" ? { ...nothing, ...member } : member;
    const nanoseconds = modified === null ? null : parseTimestamp(modified)!;
    const fraction = nanoseconds === null ? 0n : ((nanoseconds % perSecond) + perSecond) % perSecond;
    this.#paths.push(path);
    this.#sizes.push(size);
    this.#starts.push(this.#end);
    this.#seconds.push(nanoseconds === null ? Number.NaN : Number((nanoseconds - fraction) / perSecond));
    this.#nanoseconds.push(Number(fraction));
    this.#flags.push(typeFlags[member.type] | (executable ? isExecutable : 0));
    this.#end += header.length + size + paddingOf(size);
    assert(Number.isSafeInteger(this.length), "a tar's length is a number");
  }

  // Parts of a member, without the cost of all of it.

  path(index: number): string {
    return this.#paths.at(index);
  }

  size(index: number): number {
    return this.#sizes.at(index);
  }

  isFolder(index: number): boolean {
    return (this.#flags.at(index) & isFolder) !== 0;
  }

  isRemoval(index: number): boolean {
    return (this.#flags.at(index) & isRemoval) !== 0;
  }

  /** The member that was put in as the one with this `index`, from 0, and is no removal. */
  member(index: number): Member {
    const seconds = this.#seconds.at(index);
    const flags = this.#flags.at(index);
    const nanoseconds = (): bigint => BigInt(seconds) * perSecond + BigInt(this.#nanoseconds.at(index));
    return {
      path: this.#paths.at(index),
      type: (flags & isFolder) !== 0 ? "folder" : "file",
      size: this.#sizes.at(index),
      modified: Number.isNaN(seconds) ? null : timestampOf(nanoseconds()),
      executable: (flags & isExecutable) !== 0,
    };
  }

  /** Index of the member to which the byte at `offset` belongs, header and padding included; `count` for the tar's end. */
  indexAt(offset: number): number {
    if (offset >= this.#end) return this.count;
    let [low, high] = [0, this.count];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if (this.#starts.at(middle) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  /** Fills `into` from `offset` as far as there are bytes; returns how many, 0 only at the end. Reads run one at a time or side by side. */
  async read(offset: number, into: Uint8Array, readContent: ReadContent): Promise<number> {
    const wanted = Math.max(0, Math.min(into.length, this.length - offset));
    let index = this.indexAt(offset);
    for (let filled = 0; filled < wanted; index++) {
      const rest = into.subarray(filled, wanted);
      filled +=
        index < this.count ? await this.#readMember(index, offset + filled, rest, readContent) : zeros(rest);
    }
    return wanted;
  }

  /** Bytes of the one member from `offset` of the tar on, as far as `into` takes them. */
  async #readMember(
    index: number,
    offset: number,
    into: Uint8Array,
    readContent: ReadContent,
  ): Promise<number> {
    const header = encodeMember(
      this.isRemoval(index) ? { type: "removed", path: this.path(index) } : this.member(index),
    );
    const size = this.#sizes.at(index);
    let at = offset - this.#starts.at(index);
    let filled = 0;
    if (at < header.length) {
      const part = header.subarray(at, at + into.length);
      into.set(part);
      filled = part.length;
      at += filled;
    }
    const content = Math.min(into.length - filled, header.length + size - at);
    if (content > 0) {
      const read = readContent(index, at - header.length, into.subarray(filled, filled + content));
      if (read !== undefined) await read;
      filled += content;
      at += content;
    }
    const padding = Math.min(into.length - filled, header.length + size + paddingOf(size) - at);
    return filled + zeros(into.subarray(filled, filled + padding));
  }
}

function zeros(into: Uint8Array): number {
  into.fill(0);
  return into.length;
}
