// The servers that share a catalogue, as one of them sees the others: the contract. What each works on is its own while it is alive, and it
// says so again and again; who was silent for as long as a lease is gone, as far as the others are concerned. They tell each other what
// cannot wait; what is told may be lost, and all of it is found without it, only later.

/** What one server tells the others. */
export type News =
  /**
   * The one that works on upload `id` is to let go of it: `isClientHere` says that its client is at this one now, else somebody here wants
   * its name, and it may be kept where its client is there.
   */
  | { readonly kind: "let-go"; readonly id: string; readonly isClientHere: boolean }
  /** Nobody works on upload `id` any more. */
  | { readonly kind: "put-away"; readonly id: string }
  /** Something was written down for hooks. */
  | { readonly kind: "outbox" }
  /** A server came, or is gone. */
  | { readonly kind: "servers" };

export interface Servers {
  /** Whether this one does what one does for all of them: tells hooks, looks at alarms, keeps house. */
  readonly leads: boolean;
  /** Never rejects: see above. */
  tell(news: News): void;
  /** `heed` hears what the others tell from now on, and with `null` that this one begins to lead. */
  observe(heed: (news: News | null) => void): void;
}
