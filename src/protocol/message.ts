// Everything that can be said on the wire, as values. The frames behind them are made in `encode.ts` and
// read in `decode.ts`; `doc/protocol.md` is the normative text.

import { errorMeanings } from "../base/error.ts";

/** The code of an `error` by which a client says that it will come back for this upload. */
export const clientComesBack = errorMeanings["not-ready"].wire;

/** A JSON object, as parsed. */
export type JsonObject = { readonly [key: string]: unknown };

/** Optional last frame of `post-file`: what the client can say about the upload beforehand. Unknown keys are ignored. */
export interface PostFileInfo {
  /** Bytes of the whole file, when known. */
  readonly size?: number;
  /** When the content was last modified where it comes from: RFC 3339, UTC. */
  readonly modified?: string;
  /** Name and version of the client program, for the server's log. */
  readonly client?: string;
  /** Identities (lower-case hex) of earlier uploads of the same key that this one takes the place of. */
  readonly replaces?: readonly string[];
}

/** Optional last frame of `upload-approved`. Unknown keys are ignored. */
export interface ApprovedInfo {
  /** Name and version of the server program. */
  readonly server?: string;
  /** The id that `upload-finished` will carry. */
  readonly upload?: string;
  /** Whether a `status-report` returns the tag of the `query-status` that it answers. */
  readonly tags?: boolean;
  /** Whether the server answers an `error` of the client with one of the same code. */
  readonly farewell?: boolean;
}

export interface PostFile {
  readonly type: "post-file";
  readonly name: string;
  /** A JSON object as its sender wrote it. */
  readonly metadataText: string;
  readonly info: PostFileInfo;
}

export interface PostChunk {
  readonly type: "post-chunk";
  /** Offset of `data` in the file, in bytes. */
  readonly seek: number;
  readonly data: Uint8Array;
  /** SHA-256 of the whole file (32 bytes); present exactly in the last chunk. */
  readonly checksum: Uint8Array | null;
}

export interface QueryStatus {
  readonly type: "query-status";
  /** Where the client is, in bytes: from this the server knows whether the client will go back. */
  readonly seek?: number;
  /** Comes back in the `status-report` that answers this. Only with `seek`. */
  readonly tag?: number;
}

/** Optional last frame of `error`: with 409, the file that has the name, told to its owner. Unknown keys are ignored. */
export interface ErrorInfo {
  /** Bytes of the file. */
  readonly size?: number;
  /** Its SHA-256, lower-case hex. */
  readonly sha256?: string;
  /** Id of the upload that it came by. */
  readonly upload?: string;
  /** Whether its metadata are those of the `post-file` that this answers. */
  readonly metadata?: "same" | "different";
}

export interface ErrorMessage {
  readonly type: "error";
  /** HTTP-like number, see `errorMeanings` in `base/error.ts`. */
  readonly code: number;
  readonly text: string;
  readonly info?: ErrorInfo;
}

export interface UploadApproved {
  readonly type: "upload-approved";
  /** Chunks that the client may send now. */
  readonly credit: number;
  /** Most bytes in a chunk. */
  readonly chunkBytes: number;
  /** Most chunks that the server may ask for again. */
  readonly maxQueue: number;
  readonly info: ApprovedInfo;
}

export interface TransferCredit {
  readonly type: "transfer-credit";
  /** Chunks that the client may send in addition. */
  readonly amount: number;
}

export interface StatusReport {
  readonly type: "status-report";
  /** Where the client has to go on, in bytes. */
  readonly seek: number;
  /** Chunks that the client may send from there; replaces the credit it had. */
  readonly credit: number;
  /** Of the `query-status` that this answers; absent when it had none, and in a report that nobody asked for. */
  readonly tag?: number;
}

export interface UploadFinished {
  readonly type: "upload-finished";
  readonly uploadId: string;
}

export type ClientMessage = PostFile | PostChunk | QueryStatus | ErrorMessage;
export type ServerMessage = UploadApproved | TransferCredit | StatusReport | UploadFinished | ErrorMessage;
