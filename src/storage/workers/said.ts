// What the main thread and a storage worker say to each other. All of it is copied on its way but the bytes of uploads: of these only
// the address goes over.
//
// Both ways keep the order in which things were said, and both sides rely on it: what was said before an answer is known before it.

import { DyncError, type ErrorCode, messageOf, systemCode } from "../../base/error.ts";
import type { Destination } from "../../upload/destination.ts";
import type { Contents, Form } from "../../upload/upload.ts";
import { type Description, NameTaken, type Obstacle, type StoredNote } from "../storage.ts";
import type { DatasetAnswer, DatasetQuestion, ToldDataset } from "./worker-dataset.ts";

/** What a worker has to know before all else. */
export interface WorkerOptions {
  /** The folder of partials, and which one it is: see `LocalPartials`. */
  readonly folder: string;
  readonly look: string | null;
  /** Whether other servers have it as well. */
  readonly isShared: boolean;
  readonly publishedMode: number;
  readonly syncEveryBytes: number;
  readonly saveEveryBytes: number | undefined;
  readonly bootId: string | null;
  /** Most files and folders of a dataset. */
  readonly membersMax: number;
  /** The main thread can make all of the file system durable at once. */
  readonly syncsAll: boolean;
}

/** What the main thread asks of a worker. */
export type Order =
  | { readonly type: "begin"; readonly id: string; readonly form: Form; readonly root: string | undefined }
  | {
      readonly type: "resume";
      readonly id: string;
      readonly form: Form;
      readonly root: string | undefined;
      readonly note: StoredNote;
    }
  | { readonly type: "prepare" | "rewind" | "digest" | "contents" | "close" | "discard" }
  | { readonly type: "publish"; readonly destination: Destination; readonly description: Description }
  /** Of the dataset `id`, while it is being published. */
  | { readonly type: "dataset"; readonly id: string; readonly question: DatasetQuestion };

/** What is answered to each. */
export interface Done {
  /** Bytes that are stored, and whether chunks can be taken; `null`: nothing of it is there. */
  readonly begin: { readonly length: number; readonly isReady: boolean };
  readonly resume: { readonly length: number; readonly isReady: boolean } | null;
  readonly prepare: null;
  readonly rewind: StoredNote;
  readonly digest: string;
  readonly contents: Contents | null;
  readonly publish: null;
  readonly dataset: DatasetAnswer;
  readonly close: StoredNote;
  readonly discard: null;
}

/** What a worker asks of the main thread, which knows all names; the upload lies in `folder` (`PartialPlace`). */
export type Request =
  | {
      readonly type: "publish";
      readonly id: string;
      readonly folder: string;
      readonly destination: Destination;
      readonly description: Description;
    }
  | {
      readonly type: "publish-dataset";
      readonly id: string;
      readonly folder: string;
      readonly destination: Destination;
      readonly description: Description;
      readonly dataset: ToldDataset;
    }
  | { readonly type: "discard"; readonly id: string; readonly folder: string }
  /** Makes the file system of `descriptor`, which is the worker's, durable. */
  | { readonly type: "sync"; readonly descriptor: number };

/** Sinks and calls have numbers, chosen by whoever begins them. */
export type ToWorker =
  | {
      readonly type: "start";
      readonly options: WorkerOptions;
      /** Where it counts its time; `null`: nobody wants to know. */
      readonly stages: SharedArrayBuffer | null;
    }
  /** Six numbers for each chunk: sink, number of the chunk, offset, address, length, and 1 where it is awaited, else 0. */
  | { readonly type: "chunks"; readonly chunks: readonly number[] }
  /** One that is so short that its bytes go along. */
  | {
      readonly type: "copy";
      readonly sink: number;
      readonly number: number;
      readonly offset: number;
      readonly data: Uint8Array;
      readonly isAwaited: boolean;
    }
  | { readonly type: "order"; readonly call: number; readonly sink: number; readonly order: Order }
  | { readonly type: "answer"; readonly call: number; readonly result: Result }
  | { readonly type: "end" };

export type FromWorker =
  /** It has what it needs. */
  | { readonly type: "ready" }
  /**
   * `released`: two numbers for each chunk that is not looked at any more, sink and number; `stored`: two for each sink of which more is
   * stored now, sink and offset.
   */
  | { readonly type: "progress"; readonly released: readonly number[]; readonly stored: readonly number[] }
  | { readonly type: "note"; readonly sink: number; readonly note: StoredNote }
  | { readonly type: "failed"; readonly sink: number; readonly error: ToldError; readonly note: StoredNote }
  | { readonly type: "refused"; readonly sink: number; readonly error: ToldError }
  | { readonly type: "distrusted"; readonly id: string; readonly note: StoredNote }
  | { readonly type: "time-refused"; readonly id: string; readonly reason: string }
  | { readonly type: "request"; readonly call: number; readonly request: Request }
  | { readonly type: "answer"; readonly call: number; readonly result: Result }
  /** It has a fault, does nothing more, and lets go of what it has. */
  | { readonly type: "dying"; readonly reason: string }
  /** Nothing is under way, and nothing will be; with what can be relied on of the sinks that were open: numbers and notes. */
  | { readonly type: "ended"; readonly notes: readonly (readonly [sink: number, note: StoredNote])[] };

export type Result =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly error: ToldError };

/** An error on its way: the class and the code of one are lost where it is copied. */
export interface ToldError {
  /** Of a `DyncError`. */
  readonly code: ErrorCode | null;
  /** Of one of the system's. */
  readonly system: string | null;
  readonly message: string;
  readonly hint: string | undefined;
  readonly cause: ToldError | null;
  /** Of a `NameTaken`. */
  readonly obstacle: Obstacle | null;
}

/** `error` as it can be told. */
export function tell(error: unknown): ToldError {
  const known = error instanceof DyncError ? error : null;
  const cause = error instanceof Error ? error.cause : undefined;
  return {
    code: known?.code ?? null,
    system: known === null ? systemCode(error) : null,
    message: messageOf(error),
    hint: known?.hint,
    cause: cause === undefined ? null : tell(cause),
    obstacle: error instanceof NameTaken ? error.obstacle : null,
  };
}

/** The error that was told. */
export function hear({ code, system, message, hint, cause, obstacle }: ToldError): Error {
  if (obstacle !== null) return new NameTaken(message, obstacle);
  const options = cause === null ? {} : { cause: hear(cause) };
  if (code !== null) return new DyncError(code, message, { ...options, hint });
  return Object.assign(new Error(message, options), system === null ? {} : { code: system });
}

/** What becomes of the uploads of a worker that ended. */
export function workerEnded(): DyncError {
  const text = "The server's thread that stored this upload ended; another one goes on with it";
  return new DyncError("not-ready", text);
}
