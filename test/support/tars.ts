// Tars for tests: what a reader told of one, members with their content, and a virtual tar as one piece.

import { assert } from "../../src/base/assert.ts";
import type { FoundMember, Member } from "../../src/tar/member.ts";
import { TarReader } from "../../src/tar/reader.ts";
import { VirtualTar } from "../../src/tar/virtual-tar.ts";

/** What a reader told of one member. */
export interface ReadMember {
  readonly member: FoundMember;
  readonly content: Uint8Array;
}

/** All that a reader told. */
export interface ReadTar {
  readonly members: readonly ReadMember[];
  /** What was taken out again, and behind how many members. */
  readonly removals: readonly (readonly [path: string, members: number])[];
  /** What was told as raw or as content, in that order. */
  readonly stream: Uint8Array;
  readonly end: "marked" | "unmarked";
}

/** Reads a tar in `pieces`, and checks that what is told comes in the right order. */
export function readTar(pieces: Iterable<Uint8Array>): ReadTar {
  const members: { member: FoundMember; content: Uint8Array[] }[] = [];
  const stream: Uint8Array[] = [];
  const removals: [string, number][] = [];
  let open: { left: number; content: Uint8Array[] } | null = null;
  const reader = new TarReader();
  for (const piece of pieces) {
    reader.push(piece, {
      member: (member) => {
        assert(open === null, "the member before has ended");
        const content: Uint8Array[] = [];
        members.push({ member, content });
        open = { left: member.size, content };
      },
      content: (bytes) => {
        assert(open !== null && bytes.length > 0 && bytes.length <= open.left, "content is a member's");
        open.left -= bytes.length;
        open.content.push(bytes.slice());
        stream.push(bytes.slice());
      },
      end: () => {
        assert(open?.left === 0, "a member ends with its last byte");
        open = null;
      },
      raw: (bytes) => {
        assert((open === null || open.left === 0) && bytes.length > 0, "no header is within a member");
        stream.push(bytes.slice());
      },
      removed: (path) => {
        removals.push([path, members.length]);
        return true;
      },
    });
  }
  return {
    removals,
    members: members.map(({ member, content }) => ({ member, content: Buffer.concat(content) })),
    stream: Buffer.concat(stream),
    end: reader.finish(),
  };
}

/** A file or folder as tests write it down. */
export interface TestMember {
  readonly path: string;
  readonly content?: string | Uint8Array;
  readonly type?: Member["type"];
  readonly modified?: string | null;
  readonly executable?: boolean;
}

/** The virtual tar of `members`, and how to read their content. */
export function virtualTar(members: readonly TestMember[]): {
  readonly tar: VirtualTar;
  readonly readContent: (index: number, offset: number, into: Uint8Array) => void;
} {
  const contents = members.map(({ content = "" }) => Buffer.from(content));
  const tar = new VirtualTar(
    members.map(({ path, type = "file", modified = null, executable = false }, index) => ({
      path,
      type,
      size: contents[index]!.length,
      modified,
      executable,
    })),
  );
  return {
    tar,
    readContent: (index, offset, into) => {
      const part = contents[index]!.subarray(offset, offset + into.length);
      assert(part.length === into.length, "no more than the content is asked for");
      into.set(part);
    },
  };
}

/** All bytes of the virtual tar of `members`. */
export async function tarOf(members: readonly TestMember[]): Promise<Uint8Array> {
  const { tar, readContent } = virtualTar(members);
  const bytes = new Uint8Array(tar.length);
  const count = await tar.read(0, bytes, readContent);
  assert(count === bytes.length, "a virtual tar is read to its end");
  return bytes;
}
