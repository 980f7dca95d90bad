// Message to frames, as it is declared. Total for every message that keeps to its type; what does not fit a frame is our own
// fault and asserted. Frames of commands and flags are shared and must not be written to.

import { assert } from "../../base/assert.ts";
import { numberFrame } from "./frames.ts";
import {
  type ClientMessage,
  clientMessages,
  commands,
  type Fields,
  type ServerMessage,
  serverMessages,
} from "./message.ts";

const chunkCommand = commands.get("post-chunk")!;
const noFlags = numberFrame(0, 4);
const lastFlag = numberFrame(1, 4);

/** Frames of a message to the server. The data of a chunk is not copied. */
export function encodeClientMessage(message: ClientMessage): Uint8Array[] {
  if (message.type !== "post-chunk") return framesOf(message, clientMessages[message.type]);
  const frames = [...encodeChunkHeader(message.seek, message.checksum !== null), message.data];
  const checksum = clientMessages["post-chunk"].checksum.write(message.checksum);
  return checksum === null ? frames : [...frames, checksum];
}

/**
 * The frames of a chunk before its data, for senders whose data is in message memory of its own. The checksum
 * frame of a last chunk comes after the data.
 */
export function encodeChunkHeader(offset: number, isLast: boolean): [Uint8Array, Uint8Array, Uint8Array] {
  return [chunkCommand, isLast ? lastFlag : noFlags, numberFrame(offset, 8)];
}

/** Frames of a message to a client. */
export function encodeServerMessage(message: ServerMessage): Uint8Array[] {
  return framesOf(message, serverMessages[message.type]);
}

function framesOf(message: ClientMessage | ServerMessage, fields: Fields): Uint8Array[] {
  const values: { readonly [property: string]: unknown } = message;
  const frames = [commands.get(message.type)!];
  for (const [at, [property, field]] of Object.entries(fields).entries()) {
    const frame = field.write(values[property]);
    if (frame === null) continue;
    assert(frames.length === at + 1, `${property} stands behind a frame that is there`);
    frames.push(frame);
  }
  return frames;
}
