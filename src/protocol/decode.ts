// Frames to message. Total: any frames give either a message or the error that answers them, and nothing is
// thrown. What a field must mean beyond its form is decided elsewhere: names in `upload/names.ts`,
// metadata in `metadata.ts`, offsets and credit in the machines.

import { parseTimestamp } from "../base/timestamp.ts";
import { commandNamed, infoMarker } from "./encode.ts";
import { readU32, readU64, readUtf8 } from "./frames.ts";
import { limits } from "./limits.ts";
import type {
  ApprovedInfo,
  ClientMessage,
  ErrorInfo,
  ErrorMessage,
  JsonObject,
  PostFileInfo,
  QueryStatus,
  ServerMessage,
} from "./message.ts";
import { metadataFormFault, reservedMember } from "./metadata.ts";
import { oneLine } from "./one-line.ts";

/** Why frames are no message, as the `error` that answers them. */
export interface DecodeFailure {
  readonly ok: false;
  readonly code: 400 | 413 | 422;
  readonly text: string;
}

export type Decoded<Message> = { readonly ok: true; readonly message: Message } | DecodeFailure;

type Frames = readonly Uint8Array[];

/** Reads what a client sent. The data of a chunk is the frame itself, not a copy; nothing else points into the frames. */
export function decodeClientMessage(frames: Frames): Decoded<ClientMessage> {
  const command = commandOf(frames);
  switch (command) {
    case "post-file":
      return decodePostFile(frames);
    case "post-chunk":
      return decodePostChunk(frames);
    case "query-status":
      return { ok: true, message: decodeQueryStatus(frames) };
    case "error":
      return decodeError(frames);
    default:
      return malformed(unknownCommand(command));
  }
}

/** Reads what a server sent. */
export function decodeServerMessage(frames: Frames): Decoded<ServerMessage> {
  const command = commandOf(frames);
  switch (command) {
    case "upload-approved":
      return decodeUploadApproved(frames);
    case "transfer-credit": {
      if (frames.length < 2) return tooFew(frames, command, 2);
      const amount = readU32(frames[1]!);
      if (amount === null) return wrongWidth(command, "amount", 4, frames[1]!);
      return { ok: true, message: { type: "transfer-credit", amount } };
    }
    case "status-report": {
      if (frames.length < 3) return tooFew(frames, command, 3);
      const seek = readU64(frames[1]!);
      if (seek === null) return badOffset(command, frames[1]!);
      const credit = readU32(frames[2]!);
      if (credit === null) return wrongWidth(command, "credit", 4, frames[2]!);
      return { ok: true, message: { type: "status-report", seek, credit, ...readTag(frames[3]) } };
    }
    case "upload-finished": {
      if (frames.length < 2) return tooFew(frames, command, 2);
      if (isCommand(frames[1]!)) return joined(command, "id");
      if (frames[1]!.length > limits.uploadIdBytesMax) {
        return malformed(
          `upload-finished: id of ${frames[1]!.length} bytes, at most ${limits.uploadIdBytesMax}`,
        );
      }
      const uploadId = readUtf8(frames[1]!);
      if (uploadId === null) return notUtf8(command, "id");
      return { ok: true, message: { type: "upload-finished", uploadId } };
    }
    case "error":
      return decodeError(frames);
    default:
      return malformed(unknownCommand(command));
  }
}

function decodePostFile(frames: Frames): Decoded<ClientMessage> {
  if (frames.length < 4) return tooFew(frames, "post-file", 4);
  // The flags are reserved: their width is checked, their value is not.
  if (readU32(frames[1]!) === null) return wrongWidth("post-file", "flags", 4, frames[1]!);
  const nameFrame = frames[2]!;
  // Before anything that is final for a client: what is missing here, it sent.
  if (isMarkedInfo(frames[3]!) || isCommand(frames[3]!) || isFilledObject(nameFrame)) {
    return malformed("post-file: a frame before the metadata or the info is missing");
  }
  if (nameFrame.length > limits.nameBytesMax) {
    return tooLarge(`File name of ${nameFrame.length} bytes, at most ${limits.nameBytesMax} are allowed`);
  }
  const name = readUtf8(nameFrame);
  if (name === null) return notUtf8("post-file", "file name");
  const metadata = readMetadata(frames[3]!);
  if (!metadata.ok) return metadata;
  const info = postFileInfo(readInfo(frames[4]));
  return { ok: true, message: { type: "post-file", name, metadataText: metadata.text, info } };
}

function decodePostChunk(frames: Frames): Decoded<ClientMessage> {
  if (frames.length < 4) return tooFew(frames, "post-chunk", 4);
  const flags = readU32(frames[1]!);
  if (flags === null) return wrongWidth("post-chunk", "flags", 4, frames[1]!);
  const seek = readU64(frames[2]!);
  if (seek === null) return badOffset("post-chunk", frames[2]!);
  const data = frames[3]!;
  if (!Number.isSafeInteger(seek + data.length)) return malformed("post-chunk: data beyond offset 2^53 - 1");
  if ((flags & 1) === 0) {
    // Such a chunk would take credit without moving on, and offsets could no longer tell how much was used.
    if (data.length === 0) return malformed("post-chunk: no data in a chunk that is not the last");
    return { ok: true, message: { type: "post-chunk", seek, data, checksum: null } };
  }
  if (frames.length < 5) return tooFew(frames, "post-chunk with the last flag", 5);
  const checksum = frames[4]!;
  if (checksum.length !== limits.checksumBytes) {
    return wrongWidth("post-chunk", "checksum", limits.checksumBytes, checksum);
  }
  // A copy: it is compared when the upload is complete, long after the message with its frames is gone.
  return { ok: true, message: { type: "post-chunk", seek, data, checksum: checksum.slice() } };
}

function decodeQueryStatus(frames: Frames): QueryStatus {
  const seek = frames[1] === undefined ? null : readU64(frames[1]);
  return seek === null ? { type: "query-status" } : { type: "query-status", seek, ...readTag(frames[2]) };
}

function decodeUploadApproved(frames: Frames): Decoded<ServerMessage> {
  if (frames.length < 4) return tooFew(frames, "upload-approved", 4);
  const credit = readU32(frames[1]!);
  if (credit === null) return wrongWidth("upload-approved", "credit", 4, frames[1]!);
  const chunkBytes = readU32(frames[2]!);
  if (chunkBytes === null) return wrongWidth("upload-approved", "chunksize", 4, frames[2]!);
  const maxQueue = readU32(frames[3]!);
  if (maxQueue === null) return wrongWidth("upload-approved", "maxqueue", 4, frames[3]!);
  const info = approvedInfo(readInfo(frames[4]));
  return { ok: true, message: { type: "upload-approved", credit, chunkBytes, maxQueue, info } };
}

function decodeError(frames: Frames): Decoded<ErrorMessage> {
  if (frames.length < 3) return tooFew(frames, "error", 3);
  const code = readU32(frames[1]!);
  if (code === null) return wrongWidth("error", "code", 4, frames[1]!);
  if (isCommand(frames[2]!)) return joined("error", "text");
  // Where the text is missing, the info must not be shown as one.
  if (isFilledObject(frames[2]!)) return malformed("error: the text before the info is missing");
  const text = readUtf8(cutAtCharacter(frames[2]!, limits.errorTextBytesMax));
  if (text === null) return notUtf8("error", "text");
  const info = errorInfo(readInfo(frames[3]));
  const message = { type: "error", code, text: oneLine(text) } as const;
  return { ok: true, message: Object.keys(info).length === 0 ? message : { ...message, info } };
}

function readMetadata(frame: Uint8Array): { ok: true; text: string } | DecodeFailure {
  // Its length is known before it is read.
  if (frame.length > limits.metadataBytesMax) {
    return tooLarge(`Metadata of ${frame.length} bytes, at most ${limits.metadataBytesMax} are allowed`);
  }
  const text = readUtf8(frame);
  if (text === null) return rejected("Metadata is not valid UTF-8, wanted a JSON object");
  const fault = metadataFormFault(text);
  return fault === null ? { ok: true, text } : { ok: false, ...fault };
}

// A frame that nobody needs is ignored, and so is one that holds something else than was meant.
function readInfo(frame: Uint8Array | undefined): JsonObject {
  if (frame === undefined || frame.length > limits.infoBytesMax) return {};
  const value = parseJson(readUtf8(frame) ?? "");
  return isObject(value) ? value : {};
}

function readTag(frame: Uint8Array | undefined): { tag?: number } {
  const tag = frame === undefined ? null : readU64(frame);
  return tag === null ? {} : { tag };
}

function postFileInfo(json: JsonObject): PostFileInfo {
  const { size } = json;
  const { modified } = textMember(json, "modified");
  const isTime = modified !== undefined && parseTimestamp(modified) !== null;
  return {
    ...(isSize(size) ? { size } : {}),
    ...(isTime ? { modified } : {}),
    ...textMember(json, "client"),
    ...replacesMember(json),
  };
}

function replacesMember({ replaces }: JsonObject): { replaces?: readonly string[] } {
  if (!Array.isArray(replaces) || replaces.length === 0 || replaces.length > limits.replacesMax) return {};
  const isIdentity = (it: unknown): boolean => typeof it === "string" && /^(?:[0-9a-f]{2}){1,255}$/.test(it);
  return replaces.every(isIdentity) ? { replaces: replaces as readonly string[] } : {};
}

// Whether these bytes are the info of a post-file, which an encoder marks so that it is never taken for metadata.
function isMarkedInfo(frame: Uint8Array): boolean {
  if (frame.length > limits.infoBytesMax) return false;
  return readInfo(frame)[reservedMember] === infoMarker;
}

// Metadata where the name should be. `{}` may be a name, and is no metadata.
function isFilledObject(frame: Uint8Array): boolean {
  if (frame[0] !== 0x7b || frame.length > limits.metadataBytesMax) return false;
  const value = parseJson(readUtf8(frame) ?? "");
  return isObject(value) && Object.keys(value).length > 0;
}

// The first frame of the next message: the end of this one was lost, and nothing shows where it began.
function isCommand(frame: Uint8Array): boolean {
  return commandNamed(frame) !== null;
}

function approvedInfo(json: JsonObject): ApprovedInfo {
  const tags = json.tags === true ? { tags: true } : {};
  const farewell = json.farewell === true ? { farewell: true } : {};
  return { ...textMember(json, "server"), ...textMember(json, "upload"), ...tags, ...farewell };
}

function errorInfo(json: JsonObject): ErrorInfo {
  const { size, sha256, metadata } = json;
  const isSha256 = typeof sha256 === "string" && /^[0-9a-f]{64}$/.test(sha256);
  return {
    ...(isSize(size) ? { size } : {}),
    ...(isSha256 ? { sha256 } : {}),
    ...textMember(json, "upload"),
    ...(metadata === "same" || metadata === "different" ? { metadata } : {}),
  };
}

function isSize(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0;
}

function textMember<Key extends string>(json: JsonObject, key: Key): { [name in Key]?: string } {
  const value = Object.hasOwn(json, key) ? json[key] : undefined;
  return (typeof value === "string" ? { [key]: oneLine(value) } : {}) as { [name in Key]?: string };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function commandOf(frames: Frames): string {
  const frame = frames[0];
  // Longer than every command: no need to look at it, and the error text stays short.
  if (frame === undefined || frame.length > 32) return "";
  return String.fromCharCode(...frame);
}

function cutAtCharacter(frame: Uint8Array, bytesMax: number): Uint8Array {
  if (frame.length <= bytesMax) return frame;
  let end = bytesMax;
  while (end > 0 && (frame[end]! & 0xc0) === 0x80) end -= 1;
  return frame.subarray(0, end);
}

function unknownCommand(command: string): string {
  return /^[a-z-]+$/.test(command) ? `Unknown command ${command}` : "Unknown command";
}

function joined(command: string, field: string): DecodeFailure {
  return malformed(`${command}: the next message begins where the ${field} should be`);
}

function tooFew(frames: Frames, command: string, wanted: number): DecodeFailure {
  return malformed(`${command}: ${frames.length} frames, wanted ${wanted}`);
}

function wrongWidth(command: string, field: string, wanted: number, frame: Uint8Array): DecodeFailure {
  return malformed(`${command}: ${field} of ${frame.length} bytes, wanted ${wanted}`);
}

function badOffset(command: string, frame: Uint8Array): DecodeFailure {
  if (frame.length !== 8) return wrongWidth(command, "seek", 8, frame);
  return malformed(`${command}: seek above 2^53 - 1`);
}

function notUtf8(command: string, field: string): DecodeFailure {
  return malformed(`${command}: ${field} is not valid UTF-8`);
}

function malformed(text: string): DecodeFailure {
  return { ok: false, code: 400, text };
}

function tooLarge(text: string): DecodeFailure {
  return { ok: false, code: 413, text };
}

function rejected(text: string): DecodeFailure {
  return { ok: false, code: 422, text };
}
