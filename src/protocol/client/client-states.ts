// When what may happen to an upload on the client: the table that `client-upload.ts` obeys at every step and from
// which the diagram in doc/protocol.md is drawn. A pair that is absent cannot happen: it would be a fault of our
// own driver. Whatever a server may send is present in every state but `ended`; what breaks the protocol ends
// the upload, what merely comes late is ignored.

import type { ServerMessage } from "../wire/message.ts";
import type { ClientInput } from "./client-events.ts";

export type ClientState =
  /** No connection. */
  | "offline"
  /** `post-file` was sent, the answer is awaited. */
  | "posting"
  /** Connected again: `query-status` was sent, the server says where to go on. */
  | "asking"
  /** Chunks are sent as credit and source allow. */
  | "sending"
  /** The last chunk was sent, the confirmation is awaited. */
  | "confirming"
  /** Over: every further input is without effect. */
  | "ended";

/** Inputs by name; a message goes by its own type. */
export type ClientEvent = Exclude<ClientInput["type"], "message"> | ServerMessage["type"];

export type ClientTransitions = Readonly<
  Record<ClientState, { readonly [event in ClientEvent]?: readonly ClientState[] }>
>;

export const clientTransitions: ClientTransitions = {
  offline: {
    "link-up": ["posting", "asking"],
    "link-lost": ["offline"],
    // Left over from the connection that was given up.
    "upload-approved": ["offline"],
    "transfer-credit": ["offline"],
    "status-report": ["offline"],
    "upload-finished": ["offline"],
    error: ["offline"],
    malformed: ["offline"],
    "give-up": ["ended"],
    tick: ["offline"],
  },
  posting: {
    "link-lost": ["offline"],
    "upload-approved": ["sending", "ended"],
    // A server that knows the upload from before may speak of it before it read our message.
    "transfer-credit": ["posting"],
    "status-report": ["posting"],
    "upload-finished": ["ended"],
    error: ["offline", "ended"],
    malformed: ["ended"],
    "give-up": ["ended"],
    tick: ["posting", "offline"],
  },
  asking: {
    "link-lost": ["offline"],
    "upload-approved": ["asking", "ended"],
    "transfer-credit": ["asking"],
    "status-report": ["asking", "sending", "ended"],
    "upload-finished": ["ended"],
    error: ["posting", "offline", "ended"],
    malformed: ["ended"],
    "give-up": ["ended"],
    tick: ["asking", "offline"],
  },
  sending: {
    "link-lost": ["offline"],
    "upload-approved": ["sending", "ended"],
    "transfer-credit": ["sending"],
    "status-report": ["sending", "ended"],
    // One that fits nothing is asked about.
    "upload-finished": ["sending", "ended"],
    error: ["posting", "offline", "ended"],
    malformed: ["ended"],
    "chunk-sent": ["sending", "confirming"],
    "give-up": ["ended"],
    tick: ["sending", "offline"],
  },
  confirming: {
    "link-lost": ["offline"],
    "upload-approved": ["confirming", "ended"],
    "transfer-credit": ["confirming"],
    "status-report": ["confirming", "sending", "ended"],
    "upload-finished": ["ended"],
    error: ["posting", "offline", "ended"],
    malformed: ["ended"],
    "give-up": ["ended"],
    tick: ["confirming", "offline"],
  },
  ended: {},
};
