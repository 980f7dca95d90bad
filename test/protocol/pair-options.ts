// What a `Pair` is like: the upload, the server, the line, and what goes wrong.

export interface PairOptions {
  readonly size: number;
  readonly chunkBytes: number;
  readonly maxQueue: number;
  /** Most of it on a long line; `maxQueue` unless given. */
  readonly longQueue?: number;
  /** The server does not know that anybody wants to be told what is stored. */
  readonly isServerOld?: boolean;
  readonly capacity: number;
  readonly canSeek: boolean;
  /** Whether the size is announced. */
  readonly announced: boolean;
  /** Next random number below `below`; drives every choice of the rig. */
  readonly random: (below: number) => number;
  /** Out of 1000 each. */
  readonly faults: Faults;
  /** One way, in ms; 5 where nothing is said. */
  readonly latencyMs?: number;
  /** The one message, counted from 0 over both directions, that is lost without `faults`. */
  readonly lostMessage?: number;
}

export interface Faults {
  /** A message is lost, as when a peer's queue is full. */
  readonly loss: number;
  /** The connection breaks; what is under way to the server may still arrive, mixed with what comes next. */
  readonly cut: number;
  /** A write fails and the storage goes back to what is durable. */
  readonly rewind: number;
  /** The server starts anew from its storage. */
  readonly restart: number;
  /** The credit office takes credit back. */
  readonly reclaim: number;
}
