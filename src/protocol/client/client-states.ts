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

/** What may come while there is a connection, and what mostly follows. */
function connected(state: ClientState) {
  return {
    "link-lost": ["offline"],
    "upload-approved": [state, "ended"],
    "transfer-credit": [state],
    "upload-finished": ["ended"],
    error: ["posting", "offline", "ended"],
    malformed: ["ended"],
    "give-up": ["ended"],
    tick: [state, "offline"],
  } as const;
}

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
    ...connected("posting"),
    "upload-approved": ["sending", "ended"],
    // A server that knows the upload from before may speak of it before it read our message.
    "status-report": ["posting"],
    error: ["offline", "ended"],
  },
  asking: {
    ...connected("asking"),
    "status-report": ["asking", "sending", "ended"],
  },
  sending: {
    ...connected("sending"),
    "status-report": ["sending", "ended"],
    // One that fits nothing is asked about.
    "upload-finished": ["sending", "ended"],
    "chunk-sent": ["sending", "confirming"],
  },
  confirming: {
    ...connected("confirming"),
    "status-report": ["confirming", "sending", "ended"],
  },
  ended: {},
};
