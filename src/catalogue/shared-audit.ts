// The audit logs of all servers that share a catalogue, as copies of what lies on their disks: the contract. Each server's log is a chain of its
// own, whose lines have their numbers in it; nothing is changed or taken away again, and a line is there once.

/** How far the copy of one log is. */
export interface AuditChain {
  /** Names it among all. */
  readonly chain: number;
  /** Name of the data folder that the log lies in. */
  readonly server: string;
  /** Name of the machine that added to it last. */
  readonly name: string;
  /** Number of the last line that is there, or 0. */
  readonly sequence: number;
  /** Its SHA-256, lower-case hex; of none 64 zeros. */
  readonly hash: string;
}

export interface AuditLine {
  readonly sequence: number;
  /** ISO 8601, UTC. */
  readonly time: string;
  /** Its bytes, without the line break. */
  readonly line: Buffer;
}

/** A line among those of all servers. */
export interface SharedAuditLine extends AuditLine {
  readonly chain: number;
}

/** Where a line stands among those of all servers, which go by their times. */
export type AuditPlace = Pick<SharedAuditLine, "time" | "chain" | "sequence">;

/** All reject with a `DyncError` as the catalogue does. */
export interface SharedAudit {
  /** The chain that this server began last, or `null`: it has none. */
  chainOf(server: string): Promise<AuditChain | null>;
  /** Begins another one. */
  begin(server: string, name: string): Promise<AuditChain>;
  /** Adds `lines`, the last of which has this hash, behind those that `chain` tells of. Returns what it is then, or `null`: somebody else added to it. */
  add(chain: AuditChain, name: string, lines: readonly AuditLine[], hash: string): Promise<AuditChain | null>;
  /** All of them, in the order in which they began. */
  chains(): Promise<readonly AuditChain[]>;
  /** Lines of one chain behind number `after`, in their order; at most `limit`. */
  linesOf(chain: number, after: number, limit: number): Promise<readonly AuditLine[]>;
  /** Lines of all behind `after`, by time, and from `since` on; at most `limit`. */
  page(
    after: AuditPlace | null,
    limit: number,
    since: string | undefined,
  ): Promise<readonly SharedAuditLine[]>;
}
