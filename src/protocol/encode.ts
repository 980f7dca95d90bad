// Message to frames. Total for every message that keeps to its type; what does not fit a frame is our own
// fault and asserted. Frames of the commands are shared and must not be written to.

import { assert, unreachable } from "../base/assert.ts";
import { u32Frame, u64Frame, utf8Frame, utf8FrameCut } from "./frames.ts";
import { limits } from "./limits.ts";
import type { ClientMessage, ErrorMessage, PostFileInfo, ServerMessage } from "./message.ts";
import { reservedMember } from "./metadata.ts";
import { oneLine } from "./one-line.ts";

const commands = {
  "post-file": utf8Frame("post-file"),
  "post-chunk": utf8Frame("post-chunk"),
  "query-status": utf8Frame("query-status"),
  "upload-approved": utf8Frame("upload-approved"),
  "transfer-credit": utf8Frame("transfer-credit"),
  "status-report": utf8Frame("status-report"),
  "upload-finished": utf8Frame("upload-finished"),
  error: utf8Frame("error"),
};
const commandNames: ReadonlySet<string> = new Set(Object.keys(commands));

/** The command, of either side, whose name the bytes are; `null` for everything else. */
export function commandNamed(bytes: Uint8Array): string | null {
  // Longer than every name: no need to look at it.
  if (bytes.length > 32) return null;
  const name = String.fromCharCode(...bytes);
  return commandNames.has(name) ? name : null;
}

/** Value of the reserved member in the info of a post-file: no metadata has it. */
export const infoMarker = "info";

const noFlags = u32Frame(0);
const lastFlag = u32Frame(1);

/** Frames of a message to the server. The data of a chunk is not copied. */
export function encodeClientMessage(message: ClientMessage): Uint8Array[] {
  switch (message.type) {
    case "post-file": {
      const metadata = utf8Frame(message.metadataText);
      const info = infoFrames(marked(message.info));
      return [commands["post-file"], noFlags, utf8Frame(message.name), metadata, ...info];
    }
    case "post-chunk": {
      const header = encodeChunkHeader(message.seek, message.checksum !== null);
      if (message.checksum === null) return [...header, message.data];
      assert(message.checksum.length === limits.checksumBytes, "a checksum is a SHA-256");
      return [...header, message.data, message.checksum];
    }
    case "query-status":
      return [commands["query-status"], ...optionalFrames(message.seek), ...optionalFrames(message.tag)];
    case "error":
      return errorFrames(message);
    default:
      return unreachable(message);
  }
}

/**
 * The frames of a chunk before its data, for senders whose data is in message memory of its own. The checksum
 * frame of a last chunk comes after the data.
 */
export function encodeChunkHeader(offset: number, isLast: boolean): [Uint8Array, Uint8Array, Uint8Array] {
  return [commands["post-chunk"], isLast ? lastFlag : noFlags, u64Frame(offset)];
}

/** Frames of a message to a client. */
export function encodeServerMessage(message: ServerMessage): Uint8Array[] {
  switch (message.type) {
    case "upload-approved": {
      const { credit, chunkBytes, maxQueue } = message;
      const numbers = [u32Frame(credit), u32Frame(chunkBytes), u32Frame(maxQueue)];
      return [commands["upload-approved"], ...numbers, ...infoFrames(message.info)];
    }
    case "transfer-credit":
      return [commands["transfer-credit"], u32Frame(message.amount)];
    case "status-report":
      return [
        commands["status-report"],
        u64Frame(message.seek),
        u32Frame(message.credit),
        ...optionalFrames(message.tag),
      ];
    case "upload-finished":
      return [commands["upload-finished"], utf8Frame(message.uploadId)];
    case "error":
      return errorFrames(message);
    default:
      return unreachable(message);
  }
}

// A tag is wider than a credit: where that frame gets lost, the tag must not be taken for it.
function optionalFrames(value: number | undefined): Uint8Array[] {
  return value === undefined ? [] : [u64Frame(value)];
}

function errorFrames(message: ErrorMessage): Uint8Array[] {
  const text = utf8FrameCut(oneLine(message.text), limits.errorTextBytesMax);
  return [commands.error, u32Frame(message.code), text, ...infoFrames(message.info ?? {})];
}

// Should the metadata get lost on the way, and with it its place, the info must not be taken for it.
function marked(info: PostFileInfo): object {
  return Object.keys(info).length === 0 ? info : { ...info, [reservedMember]: infoMarker };
}

// An empty info is left out: the message is then, byte for byte, what the original program sends.
function infoFrames(info: object): Uint8Array[] {
  const text = JSON.stringify(info);
  return text === "{}" ? [] : [utf8Frame(text)];
}
