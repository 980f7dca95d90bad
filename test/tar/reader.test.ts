// What a reader keeps of the pieces that it is given, and what it says of times.

import { describe, expect, test } from "bun:test";
import { encodeMember } from "../../src/tar/header.ts";
import { TarReader } from "../../src/tar/reader.ts";
import { base256, block, end, extended, file, pax, record, removal, tar } from "../support/tar-blocks.ts";
import { readTar } from "../support/tars.ts";

test.each([100, 512, 700, 1024, 1536])(
  "a piece of %d bytes may be written over when it was read",
  (length) => {
    const whole = tar(
      pax(["path", "b"], ["comment", "x".repeat(900)]),
      file("a"),
      extended("L", "c\0"),
      file("a"),
      end,
    );
    const piece = new Uint8Array(length);
    function* reused(): Generator<Uint8Array> {
      for (let at = 0; at < whole.length; at += piece.length) {
        piece.fill(0xff);
        piece.set(whole.subarray(at, at + piece.length));
        yield piece.subarray(0, Math.min(piece.length, whole.length - at));
      }
    }
    expect(readTar(reused())).toEqual(readTar([whole]));
  },
);

describe("a removal", () => {
  test("is written as the format wants it", () => {
    const [ours, theirs] = [encodeMember({ type: "removed", path: "run/größe\nx" }), removal("run/größe\nx")];
    expect(ours.length).toBe(1024);
    expect(Buffer.compare(ours.subarray(512), theirs.subarray(512))).toBe(0);
    expect(() => encodeMember({ type: "removed", path: "run/" })).toThrow();
  });

  test("is told between the members, in whatever pieces, and no byte is lost", () => {
    const long = `${"p".repeat(200)}/${"q".repeat(200)}`;
    const whole = tar(
      file("a"),
      encodeMember({ type: "removed", path: "a" }),
      encodeMember({ type: "removed", path: long }),
      file("b"),
      removal("ü"),
      end,
    );
    for (const length of [1, 100, 511, 512, 700, 1024, whole.length]) {
      const pieces = Array.from({ length: Math.ceil(whole.length / length) }, (_, index) =>
        whole.subarray(index * length, (index + 1) * length),
      );
      const read = readTar(pieces);
      expect(read.removals).toEqual([
        ["a", 1],
        [long, 1],
        ["ü", 2],
      ]);
      expect(Buffer.compare(read.stream, whole)).toBe(0);
    }
  });

  test("gives the rest back to who wants it so", () => {
    const [before, rest] = [tar(file("a"), removal("a")), tar(file("b"), end)];
    const reader = new TarReader();
    const told: string[] = [];
    const consumer = {
      member: ({ path }: { readonly path: string }) => void told.push(path),
      removed: (path: string) => {
        told.push(`removed ${path}`);
        return false;
      },
      raw: () => {},
      content: () => {},
      end: () => {},
    };
    const whole = tar(before, rest);
    expect(reader.push(whole, consumer)).toBe(before.length);
    expect(told).toEqual(["a", "removed a"]);
    expect(reader.push(whole.subarray(before.length), consumer)).toBe(rest.length);
    expect(told).toEqual(["a", "removed a", "b"]);
    expect(reader.finish()).toBe("marked");
  });
});

describe("times", () => {
  const timesOf = (...parts: readonly Uint8Array[]): readonly (string | null)[] =>
    readTar([tar(...parts, end)]).members.map(({ member }) => member.modified);
  const plain = "2021-01-14T08:25:36Z";

  test("are the header's", () => expect(timesOf(block())).toEqual([plain]));

  test("are not known where the field is empty, or says what no calendar has", () => {
    expect(timesOf(block({ mtime: "" }), block({ mtime: base256(2n ** 80n) }))).toEqual([null, null]);
  });

  test("may be before 1970", () => {
    expect(timesOf(block({ mtime: base256(-1n) }))).toEqual(["1969-12-31T23:59:59Z"]);
    expect(timesOf(pax(["mtime", "-1.25"]), block())).toEqual(["1969-12-31T23:59:58.75Z"]);
  });

  test("have as many digits as a nanosecond takes", () => {
    expect(timesOf(pax(["mtime", "1.1234567899999"]), block())).toEqual(["1970-01-01T00:00:01.123456789Z"]);
    expect(timesOf(pax(["mtime", "1."]), block())).toEqual(["1970-01-01T00:00:01Z"]);
  });

  test("are those of a pax header, else of the global one, else of the header", () => {
    const global = extended("g", record("mtime", "1"));
    expect(timesOf(block(), global, block(), pax(["mtime", "2"]), block(), block())).toEqual([
      plain,
      "1970-01-01T00:00:01Z",
      "1970-01-01T00:00:02Z",
      "1970-01-01T00:00:01Z",
    ]);
  });
});

test("a size that the field cannot say is in the pax header alone", () => {
  const member = {
    path: "a",
    type: "file",
    size: 8 * 1024 ** 3 + 9,
    modified: null,
    executable: false,
  } as const;
  const header = Buffer.from(encodeMember(member)).toString("latin1");
  expect(header.slice(512, 512 + 19)).toBe("19 size=8589934601\n");
  expect(header.slice(1024 + 124, 1024 + 136)).toBe("00000000000\0");
});
