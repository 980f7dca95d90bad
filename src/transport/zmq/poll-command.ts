// What the main thread and the polling thread say to each other: one word of shared memory towards the worker,
// a message back. Used by native-bun.ts and poll-worker.ts.

import { isCompiled } from "./target.ts";

/** Values of the first shared word; the second holds how many items to wait for. */
export const pollCommand = { none: 0, wait: 1, end: 2 } as const;

export interface PollWorkerData {
  readonly libraryPath: string;
  readonly command: Int32Array;
  /** Address of the array of `zmq_pollitem_t`, which the main thread keeps alive. */
  readonly items: number;
}

/** Where the worker's code is: beside this file, or in a compiled program under its path in the project. */
export function pollWorkerUrl(): string {
  const path = isCompiled() ? "./src/transport/zmq/poll-worker.js" : "./poll-worker.ts";
  return new URL(path, import.meta.url).href;
}
