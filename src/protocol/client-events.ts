// What goes into and comes out of the client's upload machine (`client-upload.ts`).

import type { ErrorCode } from "../base/error.ts";
import type { ClientMessage, ErrorInfo, PostChunk, ServerMessage } from "./message.ts";

/** What is uploaded. */
export interface ClientUploadTask {
  readonly name: string;
  /** A JSON object within the limits, as it is to arrive. */
  readonly metadataText: string;
  /** Bytes of the source, or `null` for a stream. */
  readonly size: number | null;
  /** When the source was last modified (RFC 3339, UTC); `null` or absent where nobody can tell. */
  readonly modified?: string | null;
  /** Whether any earlier offset can be read again (a file), or only the last `maxQueue` chunks (a stream). */
  readonly canSeek: boolean;
  /** Identities (lower-case hex) of uploads that this one takes the place of; none when absent. */
  readonly replaces?: readonly string[];
  /** Sent in `post-file`, e.g. `dync 0.1.0`. */
  readonly client: string;
  /** The server may know this upload already (an earlier process sent part of it): ask before posting it. */
  readonly resume: boolean;
}

export type ClientInput =
  /** The connection is up (again): the handshake is done. */
  | { readonly type: "link-up" }
  /** The connection broke. The driver opens another one; the machine knows what to say then. */
  | { readonly type: "link-lost" }
  | { readonly type: "message"; readonly message: ServerMessage }
  /** A frame sequence arrived that is no message of the protocol. */
  | { readonly type: "malformed"; readonly text: string }
  /**
   * Answers `read`: the chunk at `offset` is at hand, `length` bytes; `length` 0 is the end of the source, and
   * then `checksum` is the SHA-256 of all of it and the source was found unchanged. Not before the link took the
   * chunk sent before it.
   */
  | {
      readonly type: "chunk-read";
      readonly offset: number;
      readonly length: number;
      readonly checksum: Uint8Array | null;
      /** Whether the chunk was ready before the link took the one before it: that it can be sent now is progress. */
      readonly wasHeld: boolean;
    }
  /** The driver could not read on: the upload ends with this error, and the server is told. `keep`: to go on later. */
  | {
      readonly type: "source-failed";
      readonly code: ErrorCode;
      readonly text: string;
      readonly keep: boolean;
    }
  /** The user wants it to stop. `keep`: to go on later, so the server shall keep what it has. */
  | { readonly type: "cancel"; readonly keep: boolean }
  | { readonly type: "tick" };

/** Everything that the machine sends but chunks, whose bytes only the driver has. */
export type ClientControl = Exclude<ClientMessage, PostChunk>;

/** How an upload ended. */
export type UploadResult =
  | { readonly type: "finished"; readonly uploadId: string }
  /** `wire` is the number that the server sent, or `null` when the client itself gave up. */
  | {
      readonly type: "failed";
      readonly code: ErrorCode;
      readonly text: string;
      readonly wire: number | null;
      /** What the server said of it besides. */
      readonly info?: ErrorInfo;
    };

export type ClientAction =
  | { readonly type: "send"; readonly message: ClientControl }
  /** Make the chunk at `offset` (which may lie inside one that was sent) ready, at most `lengthMax` bytes, and answer with `chunk-read`. At most one is asked for at a time; a newer one replaces an unanswered older one. */
  | { readonly type: "read"; readonly offset: number; readonly lengthMax: number }
  /** Send the chunk that the last `chunk-read` offered. */
  | {
      readonly type: "send-chunk";
      readonly offset: number;
      readonly length: number;
      readonly checksum: Uint8Array | null;
    }
  /** Bytes before `offset` will not be asked for again. */
  | { readonly type: "forget-before"; readonly offset: number }
  /**
   * Close the connection, pause, open another. `isLater`: the server asks to come back (503, 429, 408). Otherwise it gave
   * no sign of life for too long (`timed-out`), or says that it got nonsense (`malformed`), which the line may have made.
   */
  | {
      readonly type: "reconnect";
      readonly code: ErrorCode;
      readonly text: string;
      readonly isLater: boolean;
    }
  /** For the progress display: waiting for credit or for an answer, or moving. */
  | { readonly type: "waiting"; readonly reason: "approval" | "credit" | "confirmation" | null }
  | { readonly type: "done"; readonly result: UploadResult };
