// Every hostile tar is refused in the place and with the words that are expected, however it is cut into pieces; odd ones that
// are right are unpacked as GNU tar does.

import { describe, expect, test } from "bun:test";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { TarReader } from "../../src/tar/reader.ts";
import { heapBytes } from "../support/heap-bytes.ts";
import { hostileTars, tarOfMany } from "../support/hostile-tars.ts";
import { oddTars } from "../support/odd-tars.ts";
import { runProgram } from "../support/programs.ts";
import { block, file, folder, pax, tar } from "../support/tar-blocks.ts";
import { judgeTar } from "../support/tar-judge.ts";
import { tarProgramsMissing, treeIn } from "../support/tar-programs.ts";
import { tempFolder } from "../support/temp-folder.ts";

function piecesOf(bytes: Uint8Array, length: number): readonly Uint8Array[] {
  const count = Math.ceil(bytes.length / length);
  return Array.from({ length: count }, (_, index) => bytes.subarray(index * length, (index + 1) * length));
}

describe("refused", () => {
  test("sixty kinds and more", () => {
    const kinds = new Set(hostileTars.map(({ what }) => what));
    expect(kinds.size).toBe(hostileTars.length);
    expect(kinds.size).toBeGreaterThan(150);
  });

  test.each(hostileTars.map((hostile) => [hostile.what, hostile] as const))(
    "%s",
    (_, { by, says, bytes }) => {
      const whole = judgeTar([bytes]);
      expect(whole).toEqual({ refusedBy: by, says: expect.stringMatching(says) });
      if (!("says" in whole)) throw new Error("it is refused");
      expect(whole.says).not.toMatch(/\p{Cc}/u);
      expect(whole.says.length).toBeLessThan(500);
      for (const length of [1, 511, 513]) expect(judgeTar(piecesOf(bytes, length))).toEqual(whole);
    },
  );
});

test("a tar that is cut anywhere is whole only where a member ends", () => {
  const parts = [
    folder("run"),
    file("run/a", "x".repeat(1000)),
    tar(pax(["path", "run/b"]), file("b")),
    block(),
  ];
  const whole = tar(...parts);
  const borders = parts.map((_, index) => tar(...parts.slice(0, index + 1)).length);
  for (let length = 0; length <= whole.length; length++) {
    const judged = judgeTar([whole.subarray(0, length)]);
    expect([length, "tree" in judged]).toEqual([length, borders.includes(length)]);
  }
});

test("many members take no more memory than one", () => {
  const reader = new TarReader();
  let members = 0;
  const count = { member: () => void members++, content: () => {}, end: () => {}, raw: () => {} };
  const before = heapBytes();
  for (const piece of tarOfMany(200_000)) reader.push(piece, count);
  expect(heapBytes() - before).toBeLessThan(10_000_000);
  expect(reader.finish()).toBe("marked");
  expect(members).toBe(200_000);
});

describe.skipIf(tarProgramsMissing !== null)(`odd and right (${tarProgramsMissing ?? "GNU tar"})`, () => {
  test.each(oddTars.map((odd) => [odd.what, odd] as const))("%s", async (_, { bytes, tree }) => {
    const judged = judgeTar([bytes]);
    if (!("tree" in judged)) throw new Error(`It is refused: ${judged.says}`);
    const texts = [...judged.tree].map(([path, content]) => [
      path,
      content && Buffer.from(content).toString(),
    ]);
    expect(Object.fromEntries(texts)).toEqual(tree);
    expect(judgeTar(piecesOf(bytes, 1))).toEqual(judged);
    await using folder = await tempFolder();
    await writeFile(folder.file("odd.tar"), bytes);
    await mkdir(folder.file("tree"));
    // What it warns of is no error.
    const command = ["tar", "--no-same-owner", "-xf", folder.file("odd.tar"), "-C", folder.file("tree")];
    expect((await runProgram(command)).code).toBe(0);
    const unpacked: Record<string, string | null> = {};
    for (const { path, type } of await treeIn(folder.file("tree")))
      unpacked[path] = type === "folder" ? null : await readFile(folder.file("tree", path), "utf8");
    expect(unpacked).toEqual(tree as Record<string, string | null>);
  });
});
