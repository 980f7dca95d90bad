// What can be decided about a server from outside, checked once in `cli/` and trusted here, with the reasons for
// the defaults.

export interface ServerOptions {
  readonly address: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** Bytes of received, unwritten chunks that all uploads together may hold. */
  readonly memoryBytes: number;
  /** Largest chunk that clients are asked to send. */
  readonly chunkBytes: number;
  /** Most chunks that one upload may have under way: `maxqueue` on the wire. */
  readonly windowChunks: number;
  /** An upload is made durable whenever so many bytes were written since the last time. */
  readonly syncEveryBytes: number;
  /** Uploads that may be open at once. */
  readonly uploadsMax: number;
  /** Those of one user. */
  readonly uploadsPerUser: number;
  /** After this long without a word from its client an upload gives up its place: its bytes stay. */
  readonly idleMs: number;
  /** Suspended uploads are deleted after this long. */
  readonly expireMs: number;
  /** Uploads that have not ended, with a client or suspended, that one user may have. */
  readonly unfinishedPerUser: number;
  /** Bytes of metadata that these may have together. */
  readonly metadataBytesPerUser: number;
  /** Failed uploads of one user whose reason is remembered; the newest are. */
  readonly failedPerUser: number;
  /** Finished uploads of one user for which `upload-finished` can be asked again; the newest are. */
  readonly finishedPerUser: number;
  /** `upload-finished` can be asked for again for this long. */
  readonly rememberMs: number;
}

import { limits } from "../protocol/limits.ts";

const MiB = 1024 * 1024;
const hourMs = 3_600_000;

export const defaultServerOptions: ServerOptions = {
  address: "*",
  port: 8889,
  // Enough for eight full windows; the whole server then stays well under 250 MB.
  memoryBytes: 64 * MiB,
  chunkBytes: limits.chunkBytesDefault,
  windowChunks: limits.maxQueueDefault,
  // Bounds what the final sync has to wait for, and what a power cut takes back. Windows does not tell whether it was
  // restarted (catalogue/boot-id.ts): there a server that was only killed trusts no more than what was synced, either.
  syncEveryBytes: (process.platform === "win32" ? 8 : 128) * MiB,
  uploadsMax: 1000,
  // More than any laboratory sends side by side; an upload that waits for its place is kept.
  uploadsPerUser: 250,
  idleMs: limits.idleMs,
  expireMs: 7 * 24 * hourMs,
  rememberMs: 30 * 24 * hourMs,
  // A week's unfinished uploads of a busy laboratory, at some 500 bytes of the catalogue and a file on the disk each.
  unfinishedPerUser: 1000,
  // 128 uploads with the most that one may have, or 32 KiB for each of a thousand. It is space on the disk.
  metadataBytesPerUser: 32 * MiB,
  // A client asks within the seconds after it lost its connection. These cost 400 bytes each.
  failedPerUser: 1000,
  finishedPerUser: 100_000,
};

/** A long time in words, e.g. `7 days` or `0.5 days`. */
export function daysText(durationMs: number): string {
  const days = Math.round((durationMs / (24 * hourMs)) * 10) / 10;
  return days === 1 ? "1 day" : `${days} days`;
}
