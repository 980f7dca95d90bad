// What a virtual tar makes, a reader reads; any offset gives the same bytes as the whole.

import { expect, test } from "bun:test";
import type { Member } from "../../src/tar/member.ts";
import { VirtualTar } from "../../src/tar/virtual-tar.ts";
import { heapBytes } from "../support/heap-bytes.ts";
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

test("what says where to split a name is at its limits", async () => {
  const paths = [98, 99, 100, 101, 153, 154, 155, 156, 157, 254, 255].flatMap((length) => [
    `${"d/".repeat(length - 100 > 1 ? (length - 100) / 2 : 0)}${"n".repeat(Math.min(length, 100))}`,
    `${"p".repeat(Math.min(length, 255))}/n`,
    `${"p/".repeat(length / 2)}${"n".repeat(100)}`,
    `${"p/".repeat(length / 2)}${"n".repeat(101)}`,
  ]);
  const both = paths.flatMap((path) => [{ path }, { path, type: "folder" as const }]);
  const read = readTar([await tarOf(both)]).members;
  expect(read.map(({ member: { path, type } }) => ({ path, type }))).toEqual(
    both.map((member) => ({ type: "file", ...member })),
  );
});

test("a member is found by each of its bytes, and none at the end", () => {
  const { tar } = virtualTar([{ path: "a", content: "x" }, { path: "b" }]);
  const places = [0, 511, 512, 1023, 1024, 1535, 1536, 2559, 2560].map((offset) => tar.indexAt(offset));
  expect(places).toEqual([0, 0, 0, 0, 1, 1, 2, 2, 2]);
});

test("what a read of content throws comes out", async () => {
  const { tar } = virtualTar([{ path: "a", content: "x" }]);
  const fails = async (): Promise<void> => {
    throw new Error("The file changed");
  };
  await expect(tar.read(0, new Uint8Array(2000), fails)).rejects.toThrow("The file changed");
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
  const given = [...members, { path: "p".repeat(150), type: "folder" as const }];
  expect(sha256(await tarOf(given))).toBe("e76e35cd3807bbdd50beea88ca7bb53850eb4b9282d32b4bea2170fe6f83721a");
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
  const before = heapBytes();
  const tar = new VirtualTar(listed());
  expect((heapBytes() - before) / tar.count).toBeLessThan(300);
  expect(tar.member(99_999)).toEqual([...listed()].at(-1)!);
});
