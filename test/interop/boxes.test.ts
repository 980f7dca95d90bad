// Boxes of every length, in which CURVE puts messages: a peer with another libzmq opens what ours seals, and seals what ours opens.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { runProgram, startProgram } from "../support/programs.ts";
import { referenceMissing } from "../support/reference.ts";

const python = ["/usr/bin/python3", "-B", join(import.meta.dir, "boxes.py")];
const echo = [process.execPath, join(import.meta.dir, "boxes-echo.ts")];
// How ours does it (build/libzmq-patches/13-boxes-in-one-pass.patch): a flag and 31 bytes with the first block, then pieces, of which
// processors that can do that (14-wide-boxes.patch) do so much at once.
const head = 31;
const block = 64;
const wide = 1024;
const piece = 16_384;

function lengths(): readonly number[] {
  const all = [2 * 1024 * 1024, 2 * 1024 * 1024 + 1];
  for (let length = 0; length <= head + 2 * block; length++) all.push(length);
  const edges = [wide, wide + block, 2 * wide, piece - wide, piece, piece + block, piece + wide, 2 * piece];
  for (const edge of [...edges.map((bytes) => head + bytes), 3 * piece])
    for (let beside = -2; beside <= 2; beside++) all.push(edge + beside);
  return all;
}

for (const isWide of ["yes", "no"]) {
  test.skipIf(referenceMissing !== null)(
    `boxes of every length are opened and sealed as another libzmq does it, with DYNC_WIDE_BOX=${isWide} (${referenceMissing ?? "pyzmq"})`,
    async () => {
      await using server = startProgram(echo, { env: { DYNC_WIDE_BOX: isWide } });
      const [, port = "", key = ""] = await server.line(/^echo (\d+) (\S+)$/);
      const all = lengths();
      const end = await runProgram([...python, port, key, ...all.map(String)]);
      expect(end).toMatchObject({ stderr: "", code: 0, stdout: `${all.length}\n` });
    },
  );
}
