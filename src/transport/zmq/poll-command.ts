// What the main thread and the polling thread say to each other: one word of shared memory towards the worker,
// a message back. Used by native-bun.ts and poll-worker.ts.

/** Values of the first shared word; the second holds how many items to wait for. */
export const pollCommand = { none: 0, wait: 1, end: 2 } as const;

export interface PollWorkerData {
  readonly libraryPath: string;
  readonly command: Int32Array;
  /** Address of the array of `zmq_pollitem_t`, which the main thread keeps alive. */
  readonly items: number;
}
