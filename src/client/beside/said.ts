// What the main thread and a reading thread say to each other. Each question is answered once, in the order in which they came.

import type { FileVersion } from "../file-version.ts";

export type Question =
  /** First. The word `givenUp` is the number of the last read that nobody wants any more. */
  | { readonly type: "start"; readonly givenUp: Int32Array }
  /** Opens the file at `path`, as long as it is `version`; what was open before is closed. */
  | { readonly type: "open"; readonly path: string; readonly begin: number; readonly version: FileVersion }
  /** Reads what lies at `offset` into the memory at `address`, and hashes what of it, and before it, is new. */
  | {
      readonly type: "read";
      readonly number: number;
      readonly offset: number;
      readonly address: number;
      readonly length: number;
    }
  /** What is hashed from now on are the bytes that it is told of, and no file. */
  | { readonly type: "begin-hash" }
  /** Hashes the bytes at `address`, which stay there until the answer. */
  | { readonly type: "hash"; readonly address: number; readonly length: number }
  /** Of the file that is open, or what was hashed without one. */
  | { readonly type: "digest" }
  /** Nothing more is asked about either. */
  | { readonly type: "close" };

export type Answer =
  | { readonly type: "done" }
  /** The file is not the one that is wanted, or cannot be opened. */
  | { readonly type: "not-there" }
  /** So many bytes were read: fewer than were wanted at the end. */
  | { readonly type: "read"; readonly count: number }
  /** The file ends at `end`, before what is wanted begins. */
  | { readonly type: "too-short"; readonly end: number }
  | { readonly type: "digest"; readonly digest: Uint8Array }
  | { readonly type: "unreadable"; readonly message: string; readonly code: string | null }
  /** Nobody wants it any more. */
  | { readonly type: "given-up" }
  /** Something is wrong with the thread itself: it is of no use any more. */
  | { readonly type: "broken"; readonly reason: string };
