// What the main thread and the polling thread say to each other: some words of shared memory towards the worker,
// a message back. Used by native-bun.ts and poll-worker.ts.

/** Which word is what: the command; for how many items to wait; what the thread does between two waits; how long it rests there, in ms. */
export const pollWord = { command: 0, count: 1, state: 2, restMs: 3 } as const;

/** Values of the first word. */
export const pollCommand = { none: 0, wait: 1, end: 2 } as const;

/**
 * Values of the third. A thread that rests looks at the command by itself when it has rested: telling it costs no call of the system, which
 * would have it, and what runs beside it, run at once. One that sleeps has to be woken.
 */
export const pollState = { sleeping: 0, resting: 1 } as const;

export interface PollWorkerData {
  readonly libraryPath: string;
  readonly command: Int32Array;
  /** Address of the array of `zmq_pollitem_t`, which the main thread keeps alive. */
  readonly items: number;
}
