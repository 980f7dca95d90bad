// What a decoded message may point to: frames are gone as soon as their message is released.

import { expect, test } from "bun:test";
import { decodeClientMessage } from "../../src/protocol/wire/decode.ts";
import { encodeChunkHeader } from "../../src/protocol/wire/encode.ts";

test("the checksum of the last chunk outlives the message that brought it", () => {
  const checksum = new Uint8Array(32).fill(7);
  const decoded = decodeClientMessage([...encodeChunkHeader(0, true), new Uint8Array(3), checksum]);
  checksum.fill(0xdb);
  if (!decoded.ok || decoded.message.type !== "post-chunk") throw new Error("This is a chunk");
  expect(decoded.message.checksum).toEqual(new Uint8Array(32).fill(7));
});
