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
  /** The shared key files are others. */
  | { readonly kind: "keys" }
  /** The shared settings are others. */
  | { readonly kind: "settings" }
  /** The shared keys that wait to be let in are others. */
  | { readonly kind: "pending-keys" }
  /**
   * A key (Z85) that nobody knows asked to be let in, from this address. For servers of the version before, and from those: they share by
   * this alone. `isKept`: it is, or will be, in the catalogue.
   */
  | {
      readonly kind: "key-refused";
      readonly key: string;
      readonly address: string;
      readonly isKept?: boolean;
    }
  /** Nobody wants to hear of the key with this fingerprint any more. As the one above. */
  | { readonly kind: "key-dismissed"; readonly fingerprint: string; readonly isKept?: boolean }
  /** Something was written down for hooks. */
  | { readonly kind: "outbox" }
  /** A server came, or is gone. */
  | { readonly kind: "servers" };

/** Why a server looks at what all of them share: it starts, another one told it, it looks every now and then, or something changed here. */
export type LookCause = "start" | "notification" | "poll" | "own change";

/** A server that has the catalogue, or had it until lately. */
export interface KnownServer {
  /** As records of uploads name it. */
  readonly id: string;
  /** Name of its machine. */
  readonly name: string;
  /** Of its program. */
  readonly version: string;
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  /** Whether it said so for less than a lease. */
  readonly isAlive: boolean;
  readonly leads: boolean;
}

/** Files that all servers have, by their names. */
export interface SharedFiles {
  /** Grows with each change of them. */
  readonly version: number;
  readonly texts: ReadonlyMap<string, string>;
}

/** What is to be different of them. */
export interface SharedChange {
  readonly share: ReadonlyMap<string, string>;
  readonly unshare: readonly string[];
}

export interface SharedKeys {
  /** Changes the shared key files as `judge` says that sees them, in one step; returns their version then. Rejects as the catalogue does. */
  change(judge: (shared: SharedFiles) => SharedChange): Promise<number>;
}

/** A key that was refused, and may be let in. */
export interface PendingRow {
  /** Z85. */
  readonly key: string;
  /** Where it came from last. */
  readonly address: string;
  /** ISO 8601, UTC. */
  readonly firstAt: string;
  readonly lastAt: string;
  /** How often it was refused. */
  readonly times: number;
}

/** What is remembered of refused keys. */
export interface PendingState {
  /** Those that were heard of the longest ago first. */
  readonly keys: readonly PendingRow[];
  /** Fingerprints of those that nobody wants to hear of any more, the first of them first. */
  readonly dismissed: readonly string[];
}

/** Both reject as the catalogue does. */
export interface SharedPendingKeys {
  read(): Promise<PendingState>;
  /** Makes of it what `judge` says that sees it, in one step; returns that. */
  change(judge: (shared: PendingState) => PendingState): Promise<PendingState>;
}

/** The settings that all servers have, as a text. */
export interface SettingsText {
  /** One more with each change. */
  readonly version: number;
  readonly text: string;
  /** Name of the machine where it was written, and when that came here (ISO 8601, UTC). */
  readonly server: string;
  readonly at: string;
}

/** All reject as the catalogue does. */
export interface SharedSettings {
  /** `null`: nobody shared any yet. */
  newest(): Promise<SettingsText | null>;
  /** Makes `text` the newest, behind the version `before` (0: none). Returns its version, or `null`: another one came meanwhile. */
  put(text: string, before: number, by: Pick<SettingsText, "server" | "at">): Promise<number | null>;
}

export interface Servers {
  /** Whether this one does what one does for all of them: tells hooks, looks at alarms, keeps house. */
  readonly leads: boolean;
  /** Never rejects: see above. */
  tell(news: News): void;
  /** All that are known, those that began first before others. Rejects with a `DyncError` where the catalogue does not answer. */
  list(): Promise<readonly KnownServer[]>;
  /** Leaves the others for good: another one leads, and what this one still works on is theirs at once. Never rejects. */
  leave(): Promise<void>;
  /** `heed` hears what the others tell from now on, and with `null` that this one begins to lead. */
  observe(heed: (news: News | null) => void): void;
}
