// What a virtual tar makes, a reader reads; any offset gives the same bytes as the whole.

import { expect, test } from "bun:test";
import type { Member } from "../../src/tar/member.ts";
import { VirtualTar } from "../../src/tar/virtual-tar.ts";
import { sha256 } from "../support/tar-programs.ts";
import { readTar, type TestMember, tarOf, virtualTar } from "../support/tars.ts";

const members: readonly TestMember[] = [
  { path: "run", type: "folder", modified: "2026-01-02T03:04:05Z" },
  { path: "run/empty" },
  { path: "run/a.raw", content: "abc", modified: "2026-01-02T03:04:05.123456789Z", executable: true },
  { path: "run/block", content: "x".repeat(512), modified: "1969-12-31T23:59:58.5Z" },
  { path: `run/${"ä".repeat(100)}/${"b".repeat(200)}`, content: "y".repeat(1000) },
  { path: `run/${"long/".repeat(30)}name`, content: "z" },
];

test("members come out as they went in", async () => {
  const whole = await tarOf(members);
  const read = readTar([whole]);
  expect(read.end).toBe("marked");
  expect(
    read.members.map(({ member: { path, type, modified, executable }, content }) => ({
      path,
      type,
      modified,
      executable,
      content: Buffer.from(content).toString(),
    })),
  ).toEqual(
    members.map((member) => ({
      type: "file",
      modified: null,
      executable: false,
      content: "",
      ...member,
    })) as never,
  );
  expect(Buffer.compare(read.stream, whole)).toBe(0);
});

test("every offset gives what the whole has there", async () => {
  const whole = await tarOf(members);
  const { tar, readContent } = virtualTar(members);
  for (let offset = 0; offset <= whole.length + 1; offset += 7) {
    const into = new Uint8Array(700);
    const count = await tar.read(offset, into, readContent);
    expect(Buffer.compare(into.subarray(0, count), whole.subarray(offset, offset + 700))).toBe(0);
  }
});

test("pieces of one byte are read as one piece is", async () => {
  const whole = await tarOf(members);
  const bytes = Array.from(whole, (_, at) => whole.subarray(at, at + 1));
  expect(readTar(bytes)).toEqual(readTar([whole]));
});

test("what a tar of a list is stays the same from one version to the next", async () => {
  // A client of another version goes on with an upload that this one began: nothing may change it.
  expect(sha256(await tarOf(members))).toBe(
    "ec0b6ae99f6e1da3d09ca9e878f39142e26ea6a6d82121ba5474e6d54a38fded",
  );
});

test("100,000 members take less than 300 bytes each", () => {
  function* listed(): Generator<Member> {
    for (let index = 0; index < 100_000; index++)
      yield {
        path: `run42/images of the second plate/plate-${index % 96}/well-${index}_channel-${index % 4}.ome.tif`,
        type: "file",
        size: index,
        modified: `2026-01-02T03:04:05.${String(100_000_000 + index)}Z`,
        executable: false,
      };
  }
  const heapBytes = (): number => {
    Bun.gc(true);
    return process.memoryUsage().heapUsed;
  };
  const before = heapBytes();
  const tar = new VirtualTar(listed());
  expect((heapBytes() - before) / tar.count).toBeLessThan(300);
  expect(tar.member(99_999)).toEqual([...listed()].at(-1)!);
});
