// Words for scripts against the server's machine: inputs and actions as short as they can be said.

import type { ServerAction, ServerInput } from "../../src/protocol/server/server-events.ts";
import { ServerUpload } from "../../src/protocol/server/server-upload.ts";
import type { ClientMessage, PostFile, ServerMessage } from "../../src/protocol/wire/message.ts";

export const post: PostFile = {
  type: "post-file",
  name: "run.raw",
  metadataText: '{"sample":"FOO"}',
  info: {},
};
export const sized: PostFile = { ...post, info: { size: 10 } };
export const checksum = new Uint8Array(32);
export const options = { chunkBytes: 4, maxQueue: 8, server: "dync-server 1" };
export const info = { server: "dync-server 1", upload: "u1", tags: true, farewell: true, stored: true };
export const query: ServerInput = { type: "message", message: { type: "query-status" } };

export function chunk(seek: number, length: number, isLast = false): ServerInput {
  const data = new Uint8Array(length);
  return { type: "message", message: { type: "post-chunk", seek, data, checksum: isLast ? checksum : null } };
}

export function hears(message: ClientMessage): ServerInput {
  return { type: "message", message };
}

export function says(message: ServerMessage): ServerAction {
  return { type: "send", message };
}

export function write(offset: number, length: number): ServerAction {
  return { type: "write", offset, data: new Uint8Array(length) };
}

export function report(seek: number, credit: number): ServerAction {
  return says({ type: "status-report", seek, credit });
}

/** What the credit office hears. */
export function wants(window: number): ServerAction {
  return { type: "credit", report: { kind: "want", window } };
}

export function givesBack(amount: number): ServerAction {
  return { type: "credit", report: { kind: "give-back", amount } };
}

export const used: ServerAction = { type: "credit", report: { kind: "use" } };
export const late: ServerAction = { type: "credit", report: { kind: "late" } };
export const undone: ServerAction = { type: "credit", report: { kind: "undo" } };
export const wrote: ServerAction = { type: "credit", report: { kind: "stored" } };

export const admitted = {
  type: "admitted",
  admission: { uploadId: "u1", offset: 0 },
  hashed: true,
} as const satisfies ServerInput;

/** A machine that has approved `posted` with `credit`. */
export function open(posted: PostFile, credit: number, offset = 0): ServerUpload {
  const machine = new ServerUpload(options);
  machine.step(hears(posted), 0);
  if (credit > 0) machine.step({ type: "granted", amount: credit }, 0);
  machine.step({ ...admitted, admission: { uploadId: "u1", offset } }, 0);
  return machine;
}
