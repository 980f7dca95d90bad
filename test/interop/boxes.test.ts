// Boxes of every length, in which CURVE puts messages: a peer with another libzmq opens what ours seals, and seals what ours opens.

import { expect, test } from "bun:test";
import { join } from "node:path";
import { nearBytes } from "../../src/base/memory/far-bytes.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { encodeZ85 } from "../../src/keys/z85.ts";
import type { ServerLink } from "../../src/transport/transport.ts";
import { openZmqTransport } from "../../src/transport/zmq/zmq-transport.ts";
import { runProgram } from "../support/programs.ts";
import { referenceMissing } from "../support/reference.ts";

const python = ["/usr/bin/python3", "-B", join(import.meta.dir, "boxes.py")];
// How ours does it (build/libzmq-patches/13-boxes-in-one-pass.patch): a flag and 31 bytes with the first block, then pieces.
const head = 31;
const block = 64;
const piece = 16_384;

function lengths(): readonly number[] {
  const all = [2 * 1024 * 1024, 2 * 1024 * 1024 + 1];
  for (let length = 0; length <= head + 2 * block; length++) all.push(length);
  for (const edge of [head + piece, head + piece + block, head + 2 * piece, 3 * piece])
    for (let beside = -2; beside <= 2; beside++) all.push(edge + beside);
  return all;
}

test.skipIf(referenceMissing !== null)(
  `boxes of every length are opened and sealed as another libzmq does it (${referenceMissing ?? "pyzmq"})`,
  async () => {
    const keys = generateKeyPair();
    const transport = await openZmqTransport();
    const options = { address: "127.0.0.1", port: 0, keys, frameBytesMax: 4 * 1024 * 1024 };
    const link: ServerLink = transport.listen(
      { ...options, authorize: () => "anybody" },
      {
        onMessage(message) {
          link.send(
            message.peer,
            message.frames.map((frame) => nearBytes(frame).slice()),
          );
          message.release();
        },
        onFailure(error) {
          throw error;
        },
      },
    );
    try {
      const all = lengths();
      const end = await runProgram([
        ...python,
        ...[String(link.port), encodeZ85(keys.publicKey.bytes), ...all.map(String)],
      ]);
      expect(end).toMatchObject({ stderr: "", code: 0, stdout: `${all.length}\n` });
    } finally {
      await transport.close();
    }
  },
);
