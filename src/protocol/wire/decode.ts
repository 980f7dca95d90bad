// Frames to message, as it is declared. Total: any frames give either a message or the error that answers them, and nothing
// is thrown. What a field must mean beyond its form is decided elsewhere: names in `upload/names.ts`, metadata in
// `metadata.ts`, offsets and credit in the machines.

import { type Bytes, nearBytes } from "../../base/memory/far-bytes.ts";
import { DecodeFailure, malformed } from "./fields.ts";
import {
  type ClientMessageOf,
  clientMessages,
  commandNamed,
  type Fields,
  type PostChunkOf,
  type ServerMessage,
  serverMessages,
} from "./message.ts";

export type { DecodeFailure };
export type Decoded<Message> = { readonly ok: true; readonly message: Message } | DecodeFailure;

type Frames = readonly Uint8Array[];

/** Reads what a client sent. The data of a chunk is the frame itself, not looked at and not a copy; nothing else points into the frames. */
export function decodeClientMessage<Data extends Bytes = Uint8Array>(
  frames: readonly (Uint8Array | Data)[],
): Decoded<ClientMessageOf<Uint8Array | Data>> {
  const command = commandNamed(nearBytes(frames[0] ?? noFrame));
  return command === "post-chunk"
    ? decodePostChunk(frames)
    : decodeDeclared(clientMessages, command, frames.map(nearBytes));
}

/** Reads what a server sent. */
export function decodeServerMessage(frames: Frames): Decoded<ServerMessage> {
  return decodeDeclared(serverMessages, commandNamed(frames[0] ?? noFrame), frames);
}

const noFrame = new Uint8Array(0);

function decodeDeclared<Message>(
  table: { readonly [command: string]: Fields },
  command: string | null,
  frames: Frames,
): Decoded<Message> {
  if (command === null || !(command in table)) return fault(unknownCommand(frames[0] ?? noFrame));
  const fields = Object.entries(table[command]!);
  const required = fields.filter(([, { isOptional }]) => !isOptional).length;
  if (frames.length <= required) return tooFew(frames, command, required + 1);
  const message: { [property: string]: unknown } = { type: command };
  for (const [at, [property, field]] of fields.entries()) {
    const frame = frames[at + 1] ?? noFrame;
    const lost = field.lost?.(frame, frames[at + 2] ?? noFrame) ?? null;
    if (lost !== null) return fault(`${command}: ${lost}`);
    const value = field.read(frame);
    if (value instanceof DecodeFailure) return refused(command, field, value);
    if (value !== undefined) message[property] = value;
    // Nobody can tell what stands behind it.
    else if (field.isOptional) break;
  }
  return { ok: true, message: message as Message };
}

// By hand: there are many of it, and a flag says whether the checksum must be there.
function decodePostChunk<Data extends Bytes>(
  frames: readonly Data[],
): DecodeFailure | { readonly ok: true; readonly message: PostChunkOf<Data> } {
  const fields = clientMessages["post-chunk"];
  if (frames.length < 4) return tooFew(frames, "post-chunk", 4);
  const flags = nearBytes(frames[1]!);
  const flagsFailure = fields.flags.read(flags);
  if (flagsFailure !== undefined) return refused("post-chunk", fields.flags, flagsFailure);
  const seek = fields.seek.read(nearBytes(frames[2]!));
  if (seek instanceof DecodeFailure) return refused("post-chunk", fields.seek, seek);
  const data = frames[3]!;
  if (!Number.isSafeInteger(seek + data.length)) return fault("post-chunk: data beyond offset 2^53 - 1");
  const isLast = (flags[3]! & 1) === 1;
  if (!isLast) {
    // Such a chunk would take credit without moving on, and offsets could no longer tell how much was used.
    if (data.length === 0) return fault("post-chunk: no data in a chunk that is not the last");
    return { ok: true, message: { type: "post-chunk", seek, data, checksum: null } };
  }
  if (frames.length < 5) return tooFew(frames, "post-chunk with the last flag", 5);
  const checksum = fields.checksum.read(nearBytes(frames[4]!));
  if (checksum instanceof DecodeFailure) return refused("post-chunk", fields.checksum, checksum);
  return { ok: true, message: { type: "post-chunk", seek, data, checksum } };
}

function unknownCommand(frame: Uint8Array): string {
  // One that is longer than every command is not looked at, and the error text stays short.
  const name = frame.length > 32 ? "" : String.fromCharCode(...frame);
  return /^[a-z-]+$/.test(name) ? `Unknown command ${name}` : "Unknown command";
}

function tooFew(frames: readonly Bytes[], command: string, wanted: number): DecodeFailure {
  return fault(`${command}: ${frames.length} frames, wanted ${wanted}`);
}

// What a person has to mend is a sentence of its own.
function refused(command: string, field: { readonly label: string }, failure: DecodeFailure): DecodeFailure {
  return failure.code === malformed ? fault(`${command}: ${field.label} ${failure.text}`) : failure;
}

function fault(text: string): DecodeFailure {
  return new DecodeFailure(malformed, text);
}
