// Reads a tar that arrives in pieces: ustar, v7, pax (IEEE 1003.1) and GNU's long names and big numbers. It tells members and
// their content, and every other byte as it is, so that the stream can be put together again. What would be read in two ways by
// two programs is refused. Nothing is copied but what a piece's end cuts in two, and nothing allocated by what a header says. Pure.

import { assert } from "../base/assert.ts";
import { timestampOf } from "../base/timestamp.ts";
import { type ExtensionKind, Extensions, isExtension } from "./extensions.ts";
import { shown } from "./fields.ts";
import { decodeHeader, type Header, linkOf, noHeader, pathText } from "./header.ts";
import { blockBytes, type FoundMember, type MemberType, paddingOf, TarFault } from "./member.ts";

/** Who is told what a tar has. All that `raw` and `content` are given, in their order, is the stream. */
export interface TarConsumer {
  /** A member begins; its header was told before. */
  member(member: FoundMember): void;
  /** Some of its content. A view on the piece that was pushed, good during the call only. */
  content(bytes: Uint8Array): void;
  /** All of its content was told. */
  end(): void;
  /** Bytes that are no content: headers, padding, the end. A view as well. */
  raw(bytes: Uint8Array): void;
  /**
   * What came at this path, a file or a folder with all below it, is as if it had never come; the header that says so was told
   * before. Returns whether the reader goes on at once, or gives the rest of the piece back. Who has none of it passes over that.
   */
  removed?(path: string): boolean;
}

const types: Readonly<Record<string, MemberType>> = {
  "0": "file",
  "1": "hard link",
  "2": "symbolic link",
  "3": "character device",
  "4": "block device",
  "5": "folder",
  "6": "fifo",
  // Contiguous: to be treated as a file.
  "7": "file",
};

/** Reads one tar. After anything was thrown, by it or by the consumer, it is not to be used any more. */
export class TarReader {
  /** Bytes of the stream that were taken. */
  #offset = 0;
  /** The extended header that comes now. */
  #extension: { readonly kind: ExtensionKind; readonly size: number } | null = null;
  readonly #extensions = new Extensions();
  /** The beginning of a header or an extended one that a piece's end cut in two. */
  #held: Uint8Array | null = null;
  #heldLength = 0;
  /** Path of the removal that was just read. */
  #removed: string | null = null;
  #contentLeft = 0;
  #paddingLeft = 0;
  #hasMembers = false;
  #hasEnded = false;

  /** Bytes of the present member's content that are still to come. */
  get contentLeft(): number {
    return this.#contentLeft;
  }

  /**
   * Takes the next piece of the stream, of any length. Returns how many bytes it took: all, unless the consumer wants the rest
   * back after a removal. Throws `TarFault`, and whatever the consumer throws.
   */
  push(bytes: Uint8Array, consumer: TarConsumer): number {
    // What is before `told` was told; what follows it up to `at` is no content, and is told before the next content, or now.
    let told = 0;
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + this.#left);
      const part = bytes.subarray(at, end);
      const isContent = this.#contentLeft > 0;
      if (isContent) {
        consumer.content(part);
        told = end;
      }
      const member = this.#take(part);
      at = end;
      if (member !== null) {
        consumer.raw(bytes.subarray(told, at));
        told = at;
        consumer.member(member);
      }
      if ((isContent || member !== null) && this.#contentLeft === 0) consumer.end();
      if (this.#removed !== null) {
        consumer.raw(bytes.subarray(told, at));
        told = at;
        const removed = this.#removed;
        this.#removed = null;
        if (consumer.removed?.(removed) === false) return at;
      }
    }
    if (told < bytes.length) consumer.raw(bytes.subarray(told));
    return bytes.length;
  }

  /**
   * Goes over `count` bytes, at most `contentLeft`, of content as if they had been pushed, and tells nothing. So a reader that
   * is given all raw bytes again comes to where another one was.
   */
  skipContent(count: number): void {
    assert(count <= this.#contentLeft, "only content is skipped");
    this.#contentLeft -= count;
    this.#offset += count;
  }

  /**
   * The stream is over. Says whether it had the mark that ends a tar; some programs leave it out. Throws `TarFault` when
   * it cannot be whole.
   */
  finish(): "marked" | "unmarked" {
    if (this.#hasEnded) return "marked";
    if (this.#offset > 0 && this.#offset < blockBytes) throw noHeader(this.#held ?? new Uint8Array(0));
    const isWithin = this.#contentLeft + this.#paddingLeft + this.#heldLength > 0;
    if (isWithin || this.#extension !== null || this.#extensions.isPending)
      throw new TarFault(`The tar ends in the middle of a member, after ${this.#offset} bytes`);
    if (!this.#hasMembers)
      throw new TarFault("The tar is empty: it has neither members nor the mark of its end");
    return "unmarked";
  }

  /** Bytes up to where something else begins. */
  get #left(): number {
    if (this.#hasEnded) return Number.POSITIVE_INFINITY;
    return this.#contentLeft || this.#paddingLeft || this.#wanted - this.#heldLength;
  }

  /** Bytes of the header or extended header that is gathered. */
  get #wanted(): number {
    if (this.#extension === null) return blockBytes;
    return this.#extension.size + paddingOf(this.#extension.size);
  }

  /** Takes bytes that belong to one thing; returns the member that they begin. */
  #take(bytes: Uint8Array): FoundMember | null {
    if (this.#contentLeft > 0) this.skipContent(bytes.length);
    else {
      this.#offset += bytes.length;
      if (this.#hasEnded) this.#checkEnd(bytes);
      else if (this.#paddingLeft > 0) this.#paddingLeft -= bytes.length;
      else {
        const block = this.#gathered(bytes);
        if (block !== null) return this.#block(block);
      }
    }
    return null;
  }

  /** All that is wanted, when `bytes` completes it. */
  #gathered(bytes: Uint8Array): Uint8Array | null {
    if (bytes.length === this.#wanted) return bytes;
    this.#held ??= new Uint8Array(this.#wanted);
    this.#held.set(bytes, this.#heldLength);
    this.#heldLength += bytes.length;
    if (this.#heldLength < this.#wanted) return null;
    const held = this.#held;
    this.#held = null;
    this.#heldLength = 0;
    return held;
  }

  /** Takes a whole header or extended header; returns the member that it completes. */
  #block(block: Uint8Array): FoundMember | null {
    try {
      const extension = this.#extension;
      if (extension !== null) {
        this.#extension = null;
        const removed = this.#extensions.add(extension.kind, block.subarray(0, extension.size));
        if (removed !== null) this.#removed = pathText(removed, "The path of a removal");
        return null;
      }
      const header = decodeHeader(block);
      if (header === null) this.#end();
      else if (!isExtension(header.flag)) return this.#begin(header, block);
      else {
        this.#extensions.begin(header.flag, header.size);
        this.#extension = { kind: header.flag, size: header.size };
      }
      return null;
    } catch (error) {
      if (!(error instanceof TarFault)) throw error;
      throw new TarFault(`${error.message} (before byte ${this.#offset} of the tar)`);
    }
  }

  #end(): void {
    if (this.#extensions.isPending) throw new TarFault("The tar ends where a member was announced");
    this.#hasEnded = true;
  }

  #begin(header: Header, block: Uint8Array): FoundMember {
    const announced = this.#extensions.take();
    const path = pathText(announced.path ?? header.path, "The path");
    // Programs differ in what they make of some; a map of holes that is wrong cannot be told from one that is right.
    if (header.flag === "S" || announced.isSparse)
      throw new TarFault(
        `${shown(path)} is written as a sparse file, expected whole files: tar without -S, bsdtar with --no-read-sparse`,
      );
    const listed = types[header.flag];
    if (listed === undefined)
      throw new TarFault(`The member ${shown(path)} is of the unknown type ${shown(header.flag)}`);
    // The old way to write a folder.
    const type = listed === "file" && path.endsWith("/") ? "folder" : listed;
    const size = announced.size ?? header.size;
    if (type !== "file" && size > 0)
      throw new TarFault(`The ${type} ${shown(path)} has a content of ${size} bytes, expected none`);
    const modified = announced.modified ?? nanosecondsOf(header.seconds);
    this.#contentLeft = size;
    this.#paddingLeft = paddingOf(size);
    this.#hasMembers = true;
    return {
      path: withoutNothing(path),
      type,
      size,
      modified: modified === null ? null : timestampOf(modified),
      executable: type === "file" && header.executable,
      link: /link$/.test(type) ? pathText(announced.link ?? linkOf(block), "The link") : "",
    };
  }

  #checkEnd(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) {
      if (bytes[at] === 0) continue;
      throw new TarFault(
        `There is more after the end of the tar (at byte ${this.#offset - bytes.length + at})`,
      );
    }
  }
}

function nanosecondsOf(seconds: number | null): bigint | null {
  return seconds === null ? null : BigInt(seconds) * 1_000_000_000n;
}

/** `path` without the parts that change nothing. */
function withoutNothing(path: string): string {
  if (!/(?:^|\/)\.?(?:\/|$)/.test(path) || path === "") return path;
  const parts = path.split("/").filter((part) => part !== "" && part !== ".");
  if (path.startsWith("/")) return `/${parts.join("/")}`;
  return parts.length === 0 ? "." : parts.join("/");
}
