// What goes into and comes out of the server's upload machine (`server-upload.ts`). One machine is one upload:
// one socket identity together with one user.

import type { Bytes } from "../../base/memory/far-bytes.ts";
import type { ClientMessageOf, ErrorInfo, PostFile, ServerMessage } from "../wire/message.ts";
import type { CreditReport } from "./credit-office.ts";

/** What the server decides for all its uploads. */
export interface ServerUploadOptions {
  /** Most bytes in a chunk. */
  readonly chunkBytes: number;
  /** Most chunks of one upload that may be granted and not stored: `maxqueue` on the wire. */
  readonly maxQueue: number;
  /** The same where the line is long and the client says that it can; `maxQueue` unless given. */
  readonly longQueue?: number;
  /** Name and version of the server program, for `upload-approved`. */
  readonly server: string;
  /** After this long without a word from the client the upload gives up its place, in ms. Default in limits.ts. */
  readonly idleMs?: number;
}

/** What the server decided about a new upload, or found of an old one. */
export interface Admission {
  readonly uploadId: string;
  /** Bytes that are already stored and trusted: 0 for a new upload. */
  readonly offset: number;
  /** How its bytes are published as a folder; absent where they are one file. */
  readonly layout?: "plain" | "bagit";
}

export type ServerInput =
  /** From the user this upload belongs to; messages of others never reach the machine. */
  | { readonly type: "message"; readonly message: ClientMessageOf<Bytes> }
  /** Frames that are no message of the protocol. */
  | { readonly type: "malformed"; readonly text: string }
  /** Answers `admit`: the storage is open. `hashed` false: stored bytes are still being hashed, `hash-ready` follows. */
  | { readonly type: "admitted"; readonly admission: Admission; readonly hashed: boolean }
  /**
   * First input of a machine that takes up an upload which an earlier process of the server left unfinished:
   * as if `post` had been admitted, but nothing is sent; the client's next message is answered as usual.
   */
  | {
      readonly type: "restored";
      readonly post: PostFile;
      readonly admission: Admission;
      readonly hashed: boolean;
    }
  /** Answers `admit`: not now or not at all. */
  | { readonly type: "refused"; readonly code: number; readonly text: string; readonly info?: ErrorInfo }
  | { readonly type: "hash-ready" }
  /** The credit office gives this upload `amount` more chunks. */
  | { readonly type: "granted"; readonly amount: number }
  /** The credit office wants the unused credit back: the client lets it lie while others wait. */
  | { readonly type: "reclaim" }
  /** What was sent did not go out: the client has no connection now. */
  | { readonly type: "unreachable" }
  /** Answers every `write` that ends at or before `offset`: these bytes are in the storage. */
  | { readonly type: "stored"; readonly offset: number }
  /**
   * A write or a sync failed and the storage was cut back to `offset`; the client has to send from there. Answers
   * every `write` that was not answered yet.
   */
  | { readonly type: "rewound"; readonly offset: number }
  /** The storage failed for good (`keep` says whether the bytes stay for a later attempt). */
  | {
      readonly type: "storage-failed";
      readonly code: number;
      readonly text: string;
      readonly keep: boolean;
      readonly info?: ErrorInfo;
    }
  /** Answers `finish`: published and durable, with the receipt that was wanted, where one can be given. */
  | { readonly type: "finished"; readonly receipt?: string }
  /** The driver gives the upload up: key removed (403), shutdown (503, `keep`), operator's wish. */
  | { readonly type: "stop"; readonly code: number; readonly text: string; readonly keep: boolean }
  | { readonly type: "tick" };

export type ServerAction =
  /** Check metadata, name and room; open the storage; answer `admitted` or `refused`. */
  | { readonly type: "admit"; readonly post: PostFile }
  | { readonly type: "send"; readonly message: ServerMessage }
  /** Append `data`, which is at `offset`. The driver owns its memory until it answers `stored`. */
  | { readonly type: "write"; readonly offset: number; readonly data: Bytes }
  /**
   * After all writes: compare `checksum` with what was stored, publish, answer `finished` or `storage-failed`. `wantsReceipt`: its client
   * asked for one.
   */
  | {
      readonly type: "finish";
      readonly size: number;
      readonly checksum: Uint8Array;
      readonly wantsReceipt?: true;
    }
  /** Tell the credit office what became of this upload's credit. */
  | { readonly type: "credit"; readonly report: CreditReport }
  /** The upload ended. `keep`: its bytes stay for another attempt; otherwise they are deleted (unless published). */
  | {
      readonly type: "done";
      readonly outcome: "finished" | "failed" | "suspended";
      readonly code: number;
      readonly text: string;
    };
