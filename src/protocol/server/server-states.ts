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

/** What may come in every state from the admission to the end, and mostly changes none. */
function heard(state: ServerState) {
  return {
    granted: [state],
    reclaim: [state],
    unreachable: [state],
    "post-file": [state],
    "post-chunk": [state],
    "query-status": [state],
    error: ["ended"],
    malformed: [state, "ended"],
    stop: ["ended"],
    tick: [state],
  } as const;
}

export const serverTransitions: ServerTransitions = {
  new: {
    "post-file": ["admitting"],
    restored: ["receiving", "hashing"],
  },
  admitting: {
    ...heard("admitting"),
    admitted: ["receiving", "hashing"],
    refused: ["ended"],
  },
  hashing: {
    ...heard("hashing"),
    "hash-ready": ["receiving"],
    rewound: ["hashing"],
    "storage-failed": ["ended"],
    tick: ["hashing", "ended"],
  },
  receiving: {
    ...heard("receiving"),
    "post-chunk": ["receiving", "draining", "finishing", "ended"],
    stored: ["receiving"],
    rewound: ["receiving"],
    "storage-failed": ["ended"],
    tick: ["receiving", "ended"],
  },
  draining: {
    ...heard("draining"),
    stored: ["draining", "finishing"],
    rewound: ["receiving"],
    "storage-failed": ["ended"],
  },
  finishing: {
    ...heard("finishing"),
    error: ["finishing"],
    malformed: ["finishing"],
    finished: ["ended"],
    rewound: ["receiving"],
    "storage-failed": ["ended"],
  },
  ended: {},
};
