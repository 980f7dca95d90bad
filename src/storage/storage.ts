// Where bytes go: the contract that the server sees. `filesystem.ts` implements it on a local disk; an
// object store fits behind it as well. Nothing here knows the protocol.

import { DyncError } from "../base/error.ts";
import type { FarBytes } from "../base/memory/far-bytes.ts";
import type { Destination } from "../upload/destination.ts";
import type { CompleteUpload, Contents, Form } from "../upload/upload.ts";

/** What is published beside the data. */
export interface Description {
  /** Lower-case hex SHA-256 of the content: of a dataset, of the tar by which it came. */
  readonly sha256: string;
  /** Text of `NAME.meta.json`. */
  readonly metadataText: string;
  /** When the content was last modified where it comes from (RFC 3339, UTC): the published file gets this time. */
  readonly modified?: string | null;
}

/** A file, or a dataset, that was published whole, at exactly one destination. */
export type Published = Pick<
  CompleteUpload,
  | "id"
  | "user"
  | "name"
  | "size"
  | "sha256"
  | "contents"
  | "metadataText"
  | "added"
  | "receivedAt"
  | "amended"
>;

/** Why nothing can be published at a destination. */
export interface Obstacle {
  /** Name of the file that is there, as it is spelled there, or `null` where nobody looked. */
  readonly file: string | null;
  /** What it is, when it was published at exactly this destination. */
  readonly published: Published | null;
  /** Id of the upload that is being published there, or was when somebody looked: part of it is to be seen. */
  readonly claimedBy?: string | undefined;
}

/** Something is there already. */
export class NameTaken extends DyncError {
  readonly obstacle: Obstacle;

  constructor(text: string, obstacle: Obstacle) {
    super("name-taken", text);
    this.obstacle = obstacle;
  }
}

/** What the record of an unfinished upload tells of its bytes: all that a storage needs to take it up again. */
export interface StoredNote {
  /** Bytes that survive a power cut. */
  readonly durable: number;
  /** What the storage wants to know again about those behind them, in its own words; `null`: they are not to be trusted. */
  readonly mark: string | null;
  /** How often the upload got an owner: who has a later number keeps everybody else away from its bytes. Not there where nobody shares it. */
  readonly fence?: number;
}

/** Bytes that the storage takes over, and the memory they live in. */
export interface OwnedChunk {
  /** Where `data` begins in the upload, in bytes. */
  readonly offset: number;
  readonly data: Uint8Array;
  /** The same where nobody looked at them yet: asking for `data` makes a view of them. */
  readonly far?: FarBytes;
  /** Somebody waits for it to be stored: else that may be told some ms later, together with that of others. */
  readonly isAwaited?: boolean;
  /** Gives the memory back; called once. */
  release(): void;
}

/** Bytes of `chunk`, without a look at them. */
export function lengthOf(chunk: OwnedChunk): number {
  return (chunk.far ?? chunk.data).length;
}

/** What is known of an upload when it begins, or is taken up again. */
export interface Prospect {
  /** The one folder in the tar of a dataset, where that folder is the dataset; without it all of the tar is. */
  readonly root?: string | undefined;
  /** Where it is going to be published; not there where that is not decided yet, or not known. */
  readonly destination?: Destination | undefined;
  /** Announced bytes; not there where nobody said. */
  readonly size?: number | undefined;
}

export interface SinkEvents {
  /** Everything before `offset` is stored, and its chunks are released. It grows by one chunk or several. */
  onStored(offset: number): void;
  /** What can be relied on has changed. */
  onNote(note: StoredNote): void;
  /**
   * The same for a storage that may not go on before that is written down: resolves whether it is, `false` where it could not be or another
   * server has the upload. Nobody writes it down where this is not there.
   */
  record?(note: StoredNote): Promise<boolean>;
  /**
   * The storage failed. Every chunk that was not stored is dropped, and so is what is written from now on, until `rewind`;
   * `note` is what can be relied on.
   */
  onFailed(error: unknown, note: StoredNote): void;
  /**
   * What its client sent cannot be stored, whoever tries it again ("content-rejected", "too-large"). Every chunk that was not
   * stored is dropped, and so is what comes from now on; only `close` and `discard` may follow.
   */
  onRefused(error: DyncError): void;
}

/**
 * Where the bytes of one unfinished upload go. One caller, one call at a time but for `write`. Failures are `DyncError`: "no-space"
 * when the medium takes no more, "not-ready" when trying again later can help (no descriptors left, the medium is
 * away), "internal" when somebody has to mend something first; after one only `rewind`, `close` and `discard` may follow.
 */
export interface Sink {
  /** Bytes that are stored, from 0 without a gap. */
  readonly length: number;
  /** Whether chunks can be taken; else `prepare` comes first, or `rewind`. */
  readonly isReady: boolean;
  /** Reads again what is stored already, where the checksum needs it. */
  prepare(): Promise<void>;
  /**
   * Takes `chunk` over, which comes behind all that was written before; it may be held until others come. One that comes
   * behind what was cut off, from somebody who does not know of that yet, is dropped.
   */
  write(chunk: OwnedChunk): void;
  /** After a failure: goes back to what is durable, and is ready again. Returns what is left: all of it is durable. */
  rewind(): Promise<StoredNote>;
  /** SHA-256 of everything that was written, lower-case hex. Nothing is written afterwards. Rejects as the others do. */
  digest(): Promise<string>;
  /**
   * What is in it, `null` where it is one file. Nothing is written afterwards. Rejects with "content-rejected" when it is
   * not whole.
   */
  contents(): Promise<Contents | null>;
  /**
   * Makes the content visible at `destination`, with its description, all durable, and never replacing anything:
   * throws `NameTaken` when something is there already. Repeatable after a crash in its midst.
   */
  publish(destination: Destination, description: Description): Promise<void>;
  /** Lets go of everything; the bytes stay, durable if that can be. Returns what can be relied on. */
  close(): Promise<StoredNote>;
  /** Closes, and deletes the bytes. */
  discard(): Promise<void>;
}

/** What is left of an upload that was complete, and was being published when somebody stopped. */
export type Remainder =
  /** It is visible at its destination, durable, with its description; nothing else is left. */
  | { readonly type: "published" }
  /** All its bytes are there, and can be published. */
  | { readonly type: "complete"; readonly sink: Sink }
  /** They are not, or cannot be relied on: so many are left. */
  | { readonly type: "incomplete"; readonly durable: number; readonly reason: string }
  | { readonly type: "gone" };

/** What is known of something that was published, for reading it again. */
export interface StoredAs {
  readonly id: string;
  readonly form: Form;
  /** Lower-case hex; so is the other. */
  readonly sha256: string;
  /** `sha256` of a file, `Contents.list` of a dataset. */
  readonly content: string;
  /** Bytes, or `null` where it is not known. */
  readonly size: number | null;
  /** The client's, or `null` where it is not known. */
  readonly metadataText: string | null;
}

export type FlawKind =
  /** It is there, and not what was stored. */
  | "damaged"
  /** It is not there: lost, or taken away. */
  | "missing"
  /** It is there, in a dataset, and was not stored. */
  | "extra";

/** Something that is not as it was stored. */
export interface Flaw {
  readonly kind: FlawKind;
  /** Of what: below the data folder. */
  readonly path: string;
  /** In what way, as the rest of a sentence about it. */
  readonly reason: string;
}

/** Who reads something again. */
export interface Reading {
  /** Resolves when so many more bytes may be read; rejects when nothing more shall be. */
  pace(bytes: number): Promise<void>;
  flaw(flaw: Flaw): Promise<void>;
}

export interface StorageProperties {
  /** Bytes that a sink may hold before it stores the first of them: 0 where each chunk is stored by itself. */
  readonly partBytes: number;
  /** Whether what was stored and is not durable yet outlives the process (not the machine). */
  readonly keepsAfterCrash: boolean;
}

export interface Storage {
  readonly properties: StorageProperties;
  /** Of an upload of which nothing is stored yet. */
  readonly emptyNote: StoredNote;
  /** Makes room for a new upload. `id` is 32 lower-case hex digits, never used before. */
  begin(id: string, form: Form, events: SinkEvents, prospect?: Prospect): Promise<Sink>;
  /**
   * Takes an unfinished upload up again that began in this `form`, with as many of its bytes as can be relied on; `null` when
   * durable ones are gone.
   */
  resume(
    id: string,
    form: Form,
    note: StoredNote,
    events: SinkEvents,
    prospect?: Prospect,
  ): Promise<Sink | null>;
  /** What became of upload `id`, with this `sha256`, that was being published at `destination`. */
  recover(id: string, note: StoredNote, destination: Destination, sha256: string): Promise<Remainder>;
  /** Deletes what is stored of an upload that nobody has open; nothing may be there. */
  discard(id: string): Promise<void>;
  /** Ids of all uploads of which something is stored, in no order, one after another: there may be very many. */
  ids(): AsyncIterable<string>;
  /** What is stored of upload `id`: bytes, and when they last changed by the calendar of the medium; `null` when nothing is. */
  lookAt(id: string): Promise<{ readonly bytes: number; readonly writtenAt: Date } | null>;
  /**
   * What lies at `destination`, at a name that differs only in case or Unicode form, or where the files beside it would
   * be; `null` when nothing does.
   */
  obstacle(destination: Destination): Promise<Obstacle | null>;
  /**
   * Replaces the description of upload `id`, which is published at `destination`; the one before is kept beside it. Returns under
   * which name. Rejects with "unknown-upload" when it does not lie there.
   */
  amend(id: string, destination: Destination, metadataText: string): Promise<string>;
  /** Throws the `DyncError` that publishing at `destination` would end with, so far as can be found out beforehand. */
  tryDestination(destination: Destination): Promise<void>;
  /**
   * Reads again what was published at `destination`, with all that lies beside it, and tells what is not as it was stored. Returns
   * whether it is there at all. A medium that keeps checksums of its own may compare these instead of reading.
   */
  readBack(destination: Destination, stored: StoredAs, reading: Reading): Promise<boolean>;
  /** Where other programs of this machine find what was published there: an absolute path, or `null` where nobody can. */
  pathOf(destination: Destination): string | null;
  /** Bytes that can still be stored, or `null` where the medium cannot tell. */
  freeBytes(): Promise<number | null>;
  /**
   * The server stops: where a medium that does not answer is waited for at length, that ends in some seconds. What is being published then
   * rejects with "not-ready".
   */
  stopWaiting?(): void;
  close(): Promise<void>;
}
