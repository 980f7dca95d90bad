// Why a server lets an upload wait, as it tells its client. Pure.

/** From what is found out first to what is found out last. */
export const waitCauses = [
  /** A program is asked, which the server asks before it takes an upload. */
  "hook",
  /** The name is just being given up by another upload. */
  "name",
  /** What is stored of it is read and checked again. */
  "hash",
  /** The server's memory is lent to others. */
  "memory",
  /** Other uploads of the same user have what its user may have. */
  "own",
  /** Others are more urgent. */
  "urgent",
  /** What was sent is being written. */
  "disk",
  /** All of it is there, and is made durable under its name. */
  "publishing",
] as const;

export type WaitCause = (typeof waitCauses)[number];

export interface Wait {
  readonly cause: WaitCause;
  /** Uploads that are served before this one; absent where there is no queue. */
  readonly ahead?: number;
}
