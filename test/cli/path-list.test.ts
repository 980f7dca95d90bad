// Lists of paths, as shells, find and Windows write them.

import { expect, test } from "bun:test";
import { writeFile } from "node:fs/promises";
import type { DyncError } from "../../src/base/error.ts";
import { readPathList } from "../../src/cli/dync/path-list.ts";
import { tempFolder } from "../support/temp-folder.ts";

async function read(content: string | Uint8Array, isNul = false): Promise<readonly string[] | DyncError> {
  await using folder = await tempFolder();
  await writeFile(folder.file("list"), content);
  try {
    return readPathList(folder.file("list"), isNul);
  } catch (error) {
    return error as DyncError;
  }
}

test.each<[string, string | Uint8Array, readonly string[]]>([
  ["lines", "a.raw\nsub/b c.raw\n", ["a.raw", "sub/b c.raw"]],
  ["lines, the last one without an end", "a.raw\nb.raw", ["a.raw", "b.raw"]],
  ["lines of Windows, with a mark before them", "\ufeffa.raw\r\nb.raw\r\n", ["a.raw", "b.raw"]],
  ["empty lines", "\n\na.raw\n\n", ["a.raw"]],
  ["nothing", "", []],
  ["what PowerShell writes", Buffer.from("\ufeffC:\\ä.raw\r\nb.raw\r\n", "utf16le"), ["C:\\ä.raw", "b.raw"]],
  ["bytes that are not UTF-8", Buffer.from("a\xff.raw\n", "latin1"), ["a\u{10feff}.raw"]],
])("%s", async (_, content, paths) => {
  expect(await read(content)).toEqual(paths);
});

test("with NUL characters line ends are part of a path", async () => {
  expect(await read("a\nb.raw\0c.raw\r\0d.raw", true)).toEqual(["a\nb.raw", "c.raw\r", "d.raw"]);
});

test("a list that is longer than what is read at once, with paths across the borders", async () => {
  const paths = Array.from({ length: 20_000 }, (_, at) => `${at}/ä${"x".repeat(at % 30)}.raw`);
  expect(await read(paths.join("\n"))).toEqual(paths);
  expect(await read(Buffer.from(`\ufeff${paths.join("\r\n")}`, "utf16le"))).toEqual(paths);
});

test("what is no list is refused before memory is full of it", async () => {
  expect(await read(new Uint8Array(1_000_000).fill(0x61))).toMatchObject({
    code: "usage",
    message: expect.stringMatching(/^In the list of files ".*" a path has more than 65536 bytes$/),
    hint: "is it a list? Each line is a path",
  });
});
