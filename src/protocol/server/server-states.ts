// When what may happen to an upload on the server: the table that `server-upload.ts` obeys at every step and from
// which the diagram in doc/protocol.md is drawn. A pair that is absent cannot happen: for an input from the
// driver that is a fault of our own; whatever a client may send is present in every state between `new` and `ended`,
// for which `upload-life.ts` decides.

import type { ClientMessage } from "../wire/message.ts";
import type { ServerInput } from "./server-events.ts";

export type ServerState =
  /** Nothing was said yet. */
  | "new"
  /** The driver checks the upload and opens its storage. */
  | "admitting"
  /** Bytes of an earlier process are hashed; the client is known but gets no credit yet. */
  | "hashing"
  /** Chunks arrive. */
  | "receiving"
  /** The last chunk is here, some writes are not done. */
  | "draining"
  /** The driver verifies and publishes: from here on it is too late to cancel. */
  | "finishing"
  /** Over: every further input is without effect. */
  | "ended";

/** Inputs by name; a message goes by its own type. */
export type ServerEvent = Exclude<ServerInput["type"], "message"> | ClientMessage["type"];

export type ServerTransitions = Readonly<
  Record<ServerState, { readonly [event in ServerEvent]?: readonly ServerState[] }>
>;

export const serverTransitions: ServerTransitions = {
  new: {
    "post-file": ["admitting"],
    restored: ["receiving", "hashing"],
  },
  admitting: {
    admitted: ["receiving", "hashing"],
    refused: ["ended"],
    granted: ["admitting"],
    reclaim: ["admitting"],
    unreachable: ["admitting"],
    "post-file": ["admitting"],
    "post-chunk": ["admitting"],
    "query-status": ["admitting"],
    error: ["ended"],
    malformed: ["admitting", "ended"],
    stop: ["ended"],
    tick: ["admitting"],
  },
  hashing: {
    "hash-ready": ["receiving"],
    rewound: ["hashing"],
    "storage-failed": ["ended"],
    granted: ["hashing"],
    reclaim: ["hashing"],
    unreachable: ["hashing"],
    "post-file": ["hashing"],
    "post-chunk": ["hashing"],
    "query-status": ["hashing"],
    error: ["ended"],
    malformed: ["hashing", "ended"],
    stop: ["ended"],
    tick: ["hashing", "ended"],
  },
  receiving: {
    "post-chunk": ["receiving", "draining", "finishing", "ended"],
    stored: ["receiving"],
    rewound: ["receiving"],
    "storage-failed": ["ended"],
    granted: ["receiving"],
    reclaim: ["receiving"],
    unreachable: ["receiving"],
    "post-file": ["receiving"],
    "query-status": ["receiving"],
    error: ["ended"],
    malformed: ["receiving", "ended"],
    stop: ["ended"],
    tick: ["receiving", "ended"],
  },
  draining: {
    stored: ["draining", "finishing"],
    rewound: ["receiving"],
    "storage-failed": ["ended"],
    granted: ["draining"],
    reclaim: ["draining"],
    unreachable: ["draining"],
    "post-file": ["draining"],
    "post-chunk": ["draining"],
    "query-status": ["draining"],
    error: ["ended"],
    malformed: ["draining", "ended"],
    stop: ["ended"],
    tick: ["draining"],
  },
  finishing: {
    finished: ["ended"],
    rewound: ["receiving"],
    "storage-failed": ["ended"],
    granted: ["finishing"],
    reclaim: ["finishing"],
    unreachable: ["finishing"],
    "post-file": ["finishing"],
    "post-chunk": ["finishing"],
    "query-status": ["finishing"],
    error: ["finishing"],
    malformed: ["finishing"],
    stop: ["ended"],
    tick: ["finishing"],
  },
  ended: {},
};
