// Words for scripts against the client's machine: inputs and actions as short as they can be said.

import type { ClientAction, ClientInput, ClientUploadTask } from "../../src/protocol/client/client-events.ts";
import { ClientUpload } from "../../src/protocol/client/client-upload.ts";
import { limits } from "../../src/protocol/limits.ts";
import type { ServerMessage } from "../../src/protocol/wire/message.ts";

export const file: ClientUploadTask = {
  name: "run.raw",
  metadataText: '{"sample":"FOO"}',
  size: 10,
  canSeek: true,
  client: "dync 1",
  resume: false,
};
export const stream: ClientUploadTask = { ...file, size: null, canSeek: false };

export const postFile: ClientAction = {
  type: "send",
  message: {
    type: "post-file",
    name: "run.raw",
    metadataText: '{"sample":"FOO"}',
    info: { size: 10, client: "dync 1", waits: true, window: limits.windowBytesMax },
  },
};
export const query: ClientAction = { type: "send", message: { type: "query-status" } };

export function hears(message: ServerMessage): ClientInput {
  return { type: "message", message };
}

export function approved(credit: number, chunkBytes = 4, maxQueue = 8, info = {}): ClientInput {
  return hears({ type: "upload-approved", credit, chunkBytes, maxQueue, info });
}

export function report(seek: number, credit: number, tag?: number): ClientInput {
  return hears({ type: "status-report", seek, credit, ...(tag === undefined ? {} : { tag }) });
}

export function asks(seek: number, tag: number): ClientAction {
  return { type: "send", message: { type: "query-status", seek, tag } };
}

/** The chunk at `offset` was sent; without a length it is the last one. */
export function sent(offset: number, length = 0): ClientInput {
  return { type: "chunk-sent", offset, length, isLast: length === 0, wasHeld: false };
}

/** What `machine` states: where the next chunk begins, whether it may be sent, and what it waits for. */
export function stateOf({ window, waiting }: ClientUpload): readonly unknown[] {
  return [window?.offset ?? null, window !== null && window.offset <= window.end, waiting];
}

export function failed(code: string, text: string, wire: number | null): unknown {
  return { type: "done", result: { type: "failed", code, text, wire } };
}

export function says(code: number, text: string): ClientAction {
  return { type: "send", message: { type: "error", code, text } };
}

/** A machine that is approved, with `credit`; by the original server, which knows no tags, or by ours. */
export function open(task: ClientUploadTask, credit: number, maxQueue = 8, info = {}): ClientUpload {
  const machine = new ClientUpload(task);
  machine.step({ type: "link-up" }, 0);
  machine.step(approved(credit, 4, maxQueue, info), 0);
  return machine;
}

/** Sends chunks of 4 bytes from `offset` up to `end`. */
export function feed(machine: ClientUpload, offset: number, end: number): void {
  for (let at = offset; at < end; at += 4) machine.step(sent(at, 4), 0);
}
