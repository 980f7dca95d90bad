// What goes into and comes out of the client's upload machine (`client-upload.ts`).

import type { ErrorCode } from "../../base/error.ts";
import type { Priority } from "../priority.ts";
import type { ClientMessage, ErrorInfo, PostChunk, ServerMessage } from "../wire/message.ts";

/** What is uploaded. */
export interface ClientUploadTask {
  readonly name: string;
  /** A JSON object within the limits, as it is to arrive. */
  readonly metadataText: string;
  /** Bytes of the source, or `null` for a stream. */
  readonly size: number | null;
  /** When the source was last modified (RFC 3339, UTC); `null` or absent where nobody can tell. */
  readonly modified?: string | null;
  /** Whether any earlier offset can be read again (a file), or only what is kept (a stream). */
  readonly canSeek: boolean;
  /** Identities (lower-case hex) of uploads that this one takes the place of; none when absent. */
  readonly replaces?: readonly string[];
  /** What the source is, where the server shall publish what is in it as a folder. */
  readonly unpack?: "tar";
  /** Whether a receipt is asked for. */
  readonly wantsReceipt?: boolean;
  /** How urgent it is; what is usual when absent. */
  readonly priority?: Priority;
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
   * The link took the chunk with which the window began: `length` bytes, 0 for the end of the source (`isLast`), with the
   * SHA-256 of all of it. `wasHeld`: it was ready before the link took the one before it, so that it went is progress. `isCaughtUp`: the
   * source may have nothing more for a long time.
   */
  | {
      readonly type: "chunk-sent";
      readonly offset: number;
      readonly length: number;
      readonly isLast: boolean;
      readonly wasHeld: boolean;
      readonly isCaughtUp?: boolean | undefined;
    }
  /**
   * The user wants it to stop, or the driver could not read on: the upload ends with this error, and the server is told.
   * `keep`: to go on later, so the server shall keep what it has.
   */
  | {
      readonly type: "give-up";
      readonly code: ErrorCode;
      readonly text: string;
      readonly keep: boolean;
    }
  | { readonly type: "tick" };

/** Everything that the machine sends but chunks, whose bytes only the driver has. */
export type ClientControl = Exclude<ClientMessage, PostChunk>;

/** How an upload ended. */
export type UploadResult =
  | {
      readonly type: "finished";
      readonly uploadId: string;
      /** What the server signed, as it came. */
      readonly receipt?: string;
    }
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
  | { readonly type: "done"; readonly result: UploadResult };

/**
 * What is to be sent next: the driver looks at it after each step, as at `wakeAt`, makes the chunk ready, and sends it as
 * soon as it may and the link takes more.
 */
export interface SendWindow {
  /** Where the chunk begins; it may lie inside one that was sent. */
  readonly offset: number;
  /** Most bytes of it. */
  readonly lengthMax: number;
  /** It may be sent if it ends here or before: below `offset` where nothing may be sent. */
  readonly end: number;
  /** Bytes before this will not be asked for again. */
  readonly keptFrom: number;
}

/** What an upload waits for, as its progress display shows it; `null`: for its own source, or the network. */
export type WaitingReason = "approval" | "credit" | "confirmation" | null;
