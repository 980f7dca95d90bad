// Names in a tar that is to be unpacked: all that are wrong are found, and of the contents next to nothing is read.

import { describe, expect, test } from "bun:test";
import { type DyncError, SeveralErrors } from "../../../src/base/error.ts";
import { namesInTar } from "../../../src/client/listing/tar-names.ts";
import { hostileTars } from "../../support/hostile-tars.ts";
import { block, end, file, folder, pax, tar } from "../../support/tar-blocks.ts";

const signal = new AbortController().signal;

async function judged(bytes: Uint8Array) {
  let read = 0;
  const source = {
    read: async (offset: number, into: Uint8Array): Promise<number> => {
      const part = bytes.subarray(offset, offset + into.length);
      into.set(part);
      read += part.length;
      return part.length;
    },
  };
  const { fault, bagFault } = await namesInTar(source, '"run.tar"', signal);
  return { fault: texts(fault), bagFault: texts(bagFault), read };
}

function texts(error: DyncError | null): readonly string[] {
  return error instanceof SeveralErrors
    ? error.all.map(({ message }) => message)
    : error === null
      ? []
      : [error.message];
}

describe("the names in a tar", () => {
  test("that cannot be sent are all said, each once, and not those within a folder that is said", async () => {
    const content = "x".repeat(100_000);
    const { fault, bagFault } = await judged(
      tar(
        folder("run"),
        file("run/a:b.raw", content),
        file("run/fine.raw", content),
        file("run/aux/1.raw", content),
        file("run/aux/2.raw", content),
        block({ name: "run/link", flag: "2", link: "elsewhere" }),
        tar(pax(["path", "run/last."]), file("short")),
        end,
      ),
    );
    expect(fault).toEqual([
      '"run/a:b.raw" in "run.tar" cannot be sent: its path has "a:b.raw" in it, which contains ":"',
      '"run/aux" in "run.tar" cannot be sent: its path has "aux" in it, which is reserved by Windows',
      '"run/link" in "run.tar" cannot be sent: it is a symbolic link, and a dataset has files and folders',
      expect.stringMatching(
        /^"run\/last\." in "run\.tar" cannot be sent: its path has "last\." in it, which ends with/,
      ),
      '4 members of "run.tar" cannot be sent',
    ]);
    expect(bagFault).toEqual([]);
  });

  test("that no bag carries are said apart, and the first twenty of many", async () => {
    const names = Array.from({ length: 50 }, (_, at) => file(`${at}%.raw`));
    const { fault, bagFault } = await judged(tar(...names, end));
    expect(fault).toEqual([]);
    expect(bagFault).toHaveLength(21);
    expect(bagFault[0]).toStartWith(
      '"0%.raw" in "run.tar" cannot be in a bag, which the server makes: it contains "%"',
    );
    expect(bagFault.at(-1)).toBe('50 members of "run.tar" cannot be sent');
  });

  test("are read without the contents", async () => {
    const large = Array.from({ length: 20 }, (_, at) => file(`${at}.raw`, new Uint8Array(1_000_000)));
    const { fault, read } = await judged(tar(...large, file("a:b"), end));
    expect(fault).toHaveLength(1);
    expect(read).toBeLessThan(22 * 65_536);
  });

  const found = hostileTars.filter(({ by }) => by === "path" || by === "type");
  test.each(found.map((hostile) => [hostile.what, hostile] as const))("%s", async (_, { bytes, says }) => {
    const { fault } = await judged(bytes);
    expect(fault.length).toBeGreaterThan(0);
    // Of a path that is too long a folder on the way there may be too deep.
    expect(fault[0]).toMatch(new RegExp(`${says.source}|levels deep`));
    expect(fault.join()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
  });

  test("of what is no tar, or a damaged one, are the server's to judge", async () => {
    for (const { bytes } of hostileTars.filter(({ by }) => by === "reader"))
      expect((await judged(bytes)).fault).toEqual([]);
    expect((await judged(tar(file("a:b"), Buffer.alloc(512, 1)))).fault).toHaveLength(1);
  });
});
