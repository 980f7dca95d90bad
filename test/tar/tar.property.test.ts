// What holds for any list of members, any cut of a stream into pieces, and any stream that was tampered with.

import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { timestampOf } from "../../src/base/timestamp.ts";
import { extensionBytesMax } from "../../src/tar/extensions.ts";
import { TarFault } from "../../src/tar/member.ts";
import { TarReader } from "../../src/tar/reader.ts";
import { allocationsOf } from "../support/allocations.ts";
import { withChecksum } from "../support/tar-blocks.ts";
import { readTar, type TestMember, tarOf, virtualTar } from "../support/tars.ts";

const part = fc
  .oneof(
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }),
    fc.string({ unit: fc.constantFrom(..."abc.- "), minLength: 1, maxLength: 255 }),
  )
  .map((name) => name.replaceAll("/", "_").replaceAll("\0", "_"))
  // The parts that a reader leaves out, and what no name is as long as.
  .filter((name) => name !== "." && Buffer.byteLength(name) <= 255);
const path = fc.array(part, { minLength: 1, maxLength: 12 }).map((parts) => parts.join("/"));
const modified = fc.option(
  fc.oneof(
    fc.bigInt({ min: -62_135_596_800n, max: 253_402_300_799n }).map((seconds) => seconds * 1_000_000_000n),
    fc.bigInt({ min: -2_208_988_800_000_000_000n, max: 17_179_869_184_000_000_000n }),
  ),
);

const member: fc.Arbitrary<TestMember> = fc
  .record({
    path,
    modified: modified.map((nanoseconds) => (nanoseconds === null ? null : timestampOf(nanoseconds))),
    isFolder: fc.boolean(),
    executable: fc.boolean(),
    content: fc.oneof(
      fc.uint8Array({ maxLength: 40 }),
      fc.constantFrom(511, 512, 513, 2000).map((length) => new Uint8Array(length).fill(7)),
    ),
  })
  .map(({ isFolder, content, executable, ...rest }) =>
    isFolder ? { ...rest, type: "folder" } : { ...rest, executable, content },
  );
const members = fc.array(member, { minLength: 1, maxLength: 12 });

/** `bytes` in pieces of the given lengths, over and over. */
function cut(bytes: Uint8Array, lengths: readonly number[]): readonly Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += pieces.at(-1)!.length)
    pieces.push(bytes.subarray(at, at + lengths[pieces.length % lengths.length]!));
  return pieces;
}

const lengths = fc.array(fc.oneof(fc.integer({ min: 1, max: 30 }), fc.integer({ min: 1, max: 3000 })), {
  minLength: 1,
  maxLength: 8,
});

describe("any list of members", () => {
  test("is read as it was written, in whatever pieces, and nothing of the stream is lost", async () => {
    await fc.assert(
      fc.asyncProperty(members, lengths, async (given, pieces) => {
        const whole = await tarOf(given);
        const read = readTar(cut(whole, pieces));
        expect(read.end).toBe("marked");
        expect(Buffer.compare(read.stream, whole)).toBe(0);
        expect(read.members).toEqual(
          given.map(({ path, type = "file", modified = null, executable = false, content = "" }) => {
            const bytes = Buffer.from(content);
            return {
              member: { path, type, modified, executable, size: bytes.length, link: "" },
              content: bytes,
            };
          }),
        );
      }),
      { numRuns: 300 },
    );
  });

  test("gives the same bytes at every offset as from its beginning", async () => {
    const reads = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(4000)), {
      maxLength: 20,
    });
    await fc.assert(
      fc.asyncProperty(members, reads, async (given, wanted) => {
        const whole = await tarOf(given);
        const { tar, readContent } = virtualTar(given);
        for (const [place, length] of wanted) {
          const offset = Math.floor(place * (whole.length + 10));
          const into = new Uint8Array(length);
          // A disk answers later, memory at once.
          const later = async (index: number, at: number, bytes: Uint8Array): Promise<void> => {
            await new Promise((resolve) => setImmediate(resolve));
            readContent(index, at, bytes);
          };
          const count = await tar.read(offset, into, length % 2 === 0 ? later : readContent);
          expect(count).toBe(Math.max(0, Math.min(length, whole.length - offset)));
          expect(Buffer.compare(into.subarray(0, count), whole.subarray(offset, offset + count))).toBe(0);
        }
      }),
      { numRuns: 200 },
    );
  });

  test("is the same from the list that it was grown by", async () => {
    await fc.assert(
      fc.asyncProperty(members, members, async (first, more) => {
        const [grown, whole] = [virtualTar(first).tar, virtualTar([...first, ...more]).tar];
        const before = grown.length;
        for (let index = first.length; index < first.length + more.length; index++)
          grown.append(whole.member(index));
        expect(grown.length).toBe(whole.length);
        expect(grown.indexAt(before - 1024)).toBe(first.length);
        for (let index = 0; index < whole.count; index++)
          expect(grown.member(index)).toEqual(whole.member(index));
      }),
      { numRuns: 100 },
    );
  });

  test("is gone on with by a reader that was given the raw bytes again", async () => {
    await fc.assert(
      fc.asyncProperty(members, fc.double({ min: 0, max: 1, noNaN: true }), async (given, place) => {
        const whole = await tarOf(given);
        const at = Math.floor(place * whole.length);
        const again = new TarReader();
        const nothing = { raw: () => {}, member: () => {}, content: () => {}, end: () => {} };
        new TarReader().push(whole.subarray(0, at), {
          ...nothing,
          raw: (bytes) => again.push(bytes, nothing),
          content: (bytes) => again.skipContent(bytes.length),
        });
        const rest = (reader: TarReader): readonly string[] => {
          const told: string[] = [];
          reader.push(whole.subarray(at), {
            raw: (bytes) => told.push(`raw ${Buffer.from(bytes).toString("hex")}`),
            content: (bytes) => told.push(`content ${Buffer.from(bytes).toString("hex")}`),
            member: (found) => told.push(JSON.stringify(found)),
            end: () => told.push("end"),
          });
          return [...told, reader.finish()];
        };
        const straight = new TarReader();
        straight.push(whole.subarray(0, at), nothing);
        expect(rest(again)).toEqual(rest(straight));
      }),
      { numRuns: 200 },
    );
  });
});

/** What is done to a stream: at a block, with the checksum mended or not. */
const tampering = fc.record({
  what: fc.constantFrom("flip", "write", "digits", "cut", "remove", "repeat", "swap", "zero"),
  block: fc.nat(40),
  at: fc.nat(511),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 20 }),
  digits: fc.string({ unit: fc.constantFrom(..."01234567 -\0xZ="), minLength: 1, maxLength: 20 }),
  isMended: fc.boolean(),
});

type Tampering = typeof tampering extends fc.Arbitrary<infer T> ? T : never;

function tampered(stream: Uint8Array, how: Tampering): Uint8Array {
  const blocks: Uint8Array[] = Array.from({ length: Math.floor(stream.length / 512) }, (_, index) =>
    stream.slice(index * 512, index * 512 + 512),
  );
  if (blocks.length === 0) return stream;
  const index = how.block % blocks.length;
  const block = blocks[index]!;
  const put = (bytes: Uint8Array): void => block.set(bytes.subarray(0, 512 - how.at), how.at);
  if (how.what === "flip") block[how.at]! ^= 1 << (how.bytes[0]! % 8);
  if (how.what === "write") put(how.bytes);
  if (how.what === "digits") put(Buffer.from(how.digits));
  if (how.what === "zero") block.fill(0);
  if (how.isMended) blocks[index] = withChecksum(block);
  if (how.what === "remove") blocks.splice(index, 1);
  if (how.what === "repeat") blocks.splice(index, 0, block);
  if (how.what === "swap") blocks.reverse();
  const bytes = Buffer.concat(blocks);
  return how.what === "cut" ? bytes.subarray(0, index * 512 + how.at) : bytes;
}

describe("any stream that was tampered with", () => {
  test("ends whole or with a TarFault, and no header decides how much memory is taken", async () => {
    let faults = 0;
    const check = (stream: Uint8Array, pieces: readonly number[]): void => {
      const { largest } = allocationsOf(() => {
        try {
          const { stream: told } = readTar(cut(stream, pieces));
          expect(Buffer.compare(told, stream)).toBe(0);
        } catch (error) {
          if (!(error instanceof TarFault)) throw error;
          expect(error.message).not.toMatch(/[\p{Cc}\p{Cf}]/u);
          faults++;
        }
      });
      expect(largest).toBeLessThanOrEqual(extensionBytesMax);
    };
    await fc.assert(
      fc.asyncProperty(
        members,
        fc.array(tampering, { minLength: 1, maxLength: 3 }),
        lengths,
        async (given, hows, pieces) => {
          const whole = await tarOf(given);
          check(hows.reduce(tampered, whole), pieces);
        },
      ),
      { numRuns: 800 },
    );
    // Neither all refused nor none: the tampering reaches what is behind the checksums.
    expect(faults).toBeGreaterThan(100);
    expect(faults).toBeLessThan(780);
  });

  test("bytes of chance end with a TarFault", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 3000 }), (bytes) => {
        if (bytes.every((byte) => byte === 0)) return;
        expect(() => readTar([bytes])).toThrow(TarFault);
      }),
      { numRuns: 500 },
    );
  });
});
