// Why something that was sent stays here.

/** Why something stays. */
export type KeptReason =
  /** It is not what was sent any more. */
  | "changed"
  /** It cannot be read, or not be deleted. */
  | "unreadable"
  /** A link leads to it. */
  | "link"
  | "other-volume"
  /** Nothing was written down by which it could be known again. */
  | "no-record"
  /** The server does not have it: under that name, by that id, of this user. */
  | "not-stored"
  /** What the server has is not what was sent. */
  | "damaged"
  /** The server does not prove it. */
  | "refused";

export interface Kept {
  readonly type: "kept";
  readonly reason: KeptReason;
  /** A sentence without its end. */
  readonly why: string;
}

export function kept(reason: KeptReason, why: string): Kept {
  return { type: "kept", reason, why };
}
