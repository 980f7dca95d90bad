// What the benchmark knows of each program it compares: how to prepare it, and how to send one file with it.

/** Where a peer works. Everything lies on the same file system (tmpfs, where there is one). */
export interface Bench {
  /** The file that every peer sends. */
  readonly source: string;
  readonly sizeBytes: number;
  /** A folder of the peer's own; removed afterwards. */
  readonly folder: string;
}

/** What one transfer took. */
export interface Transfer {
  readonly seconds: number;
  /** Processor time of both sides together, with all their children. */
  readonly cpuSeconds: number;
  /** Most memory of each side's processes, summed over the processes of that side. */
  readonly clientBytesMax: number;
  readonly serverBytesMax: number;
}

export interface Peer {
  readonly name: string;
  /** What it does with the bytes on the way, for the table. */
  readonly note: string;
  /** Why it cannot run here, or `null`. May install what it needs. */
  missing(): Promise<string | null>;
  /** Makes keys and starts whatever has to run before the first transfer. */
  start(bench: Bench): Promise<StartedPeer>;
}

export interface StartedPeer extends AsyncDisposable {
  /** Sends the source under a name that was not used yet. `path` is where it arrives; the benchmark removes it. */
  send(name: string): Promise<Transfer & { readonly path: string }>;
}
