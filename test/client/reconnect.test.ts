// An upload whose connection dies at an awkward moment, against a server that a test plays.

import { expect, test } from "bun:test";
import { upload } from "../../src/client/upload.ts";
import { generateKeyPair } from "../../src/keys/key.ts";
import { decodeClientMessage } from "../../src/protocol/wire/decode.ts";
import { encodeServerMessage } from "../../src/protocol/wire/encode.ts";
import type { ServerMessage } from "../../src/protocol/wire/message.ts";
import { ManualClock } from "../support/manual-clock.ts";
import { MemoryNetwork } from "../support/memory/network.ts";

const chunkBytes = 64;
const content = new Uint8Array(5 * chunkBytes);

test("a chunk that was held back when its connection died is offered to the next one", async () => {
  const clock = new ManualClock();
  const held: (() => void)[] = [];
  let isHolding = false;
  const network = new MemoryNetwork({
    schedule: (task, hop) => {
      if (isHolding && hop.to === "server") held.push(task);
      else queueMicrotask(task);
    },
    queueMessagesMax: 1,
  });
  const keys = generateKeyPair();
  const chunks: number[] = [];
  const link = network.server().listen(
    { address: "*", port: 0, keys, frameBytesMax: 1 << 20, authorize: () => "lab" },
    {
      onFailure: () => {},
      onMessage: (received) => {
        const decoded = decodeClientMessage(received.frames);
        received.release();
        if (!decoded.ok) throw new Error(decoded.text);
        const answer = (message: ServerMessage) => link.send(received.peer, encodeServerMessage(message));
        const { message } = decoded;
        if (message.type === "post-chunk") chunks.push(message.seek);
        if (message.type === "query-status")
          answer({ type: "status-report", seek: 2 * chunkBytes, credit: 8 });
        if (message.type !== "post-file") return;
        isHolding = true;
        answer({ type: "upload-approved", credit: 8, chunkBytes, maxQueue: 8, info: {} });
      },
    },
  );
  const stop = new AbortController();
  const options = {
    task: {
      name: "a",
      metadataText: '{"a":1}',
      size: content.length,
      canSeek: true,
      client: "test",
      resume: false,
    },
    source: {
      modified: null,
      size: content.length,
      canSeek: true,
      read: async (offset: number, into: Uint8Array) => content.subarray(offset, offset + into.length).length,
      verifyUnchanged: async () => {},
      close: async () => {},
    },
    ...{ host: "server", port: link.port, serverKey: keys.publicKey, keys },
    identity: new Uint8Array(16).fill(0x81),
    ...{ retryForMs: 60_000, retryFirst: true, isResumable: false },
  };
  const parts = {
    transport: network.client(),
    clock,
    random: () => 0.5,
    onProgress: () => {},
    onNote: () => {},
  };
  const ended = upload(options, parts, stop.signal).catch(() => "stopped");
  await settle();
  // The first chunk is under way, the second waits for the link, the third is ready.
  network.connections[0]?.cut();
  isHolding = false;
  for (const task of held.splice(0)) task();
  await settle();
  clock.advance(2000);
  await settle();
  expect(chunks.slice(0, 2)).toEqual([2 * chunkBytes, 3 * chunkBytes]);
  stop.abort();
  for (let turn = 0; turn < 3; turn++) {
    await settle();
    clock.advance(2000);
  }
  expect(await ended).toBe("stopped");
});

/** Lets everything happen that waits for nothing but its turn. */
function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
