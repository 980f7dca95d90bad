// Everything that can be said on the wire, each message declared once: its command, and the frames behind it in their order.
// The types below, the encoder (`encode.ts`), the decoder (`decode.ts`) and the grammar in doc/protocol.md, which is the
// normative text (`build/protocol-page.ts`), come from here.

import { errorMeanings } from "../../base/error.ts";
import { limits } from "../limits.ts";
import { priorities } from "../priority.ts";
import { waitCauses } from "../wait.ts";
import * as field from "./fields.ts";
import { readJsonObject, utf8Frame } from "./frames.ts";
import { reservedMember } from "./metadata.ts";
import { reportAsked, reportTold } from "./report.ts";
import { statusAsked, statusTold } from "./status.ts";

/** The code of an `error` by which a client says that it will come back for this upload. */
export const clientComesBack = errorMeanings["not-ready"].wire;

/** Value of the reserved member in the info of a post-file: no metadata has it. */
const infoMarker = "info";

const flags = field.flags("flags", "post-chunk: bit 0 (value 1) marks the last chunk. Every other bit is 0");
const seek = field.u64("seek", "offset in bytes");
const tag = field.u64("tag", "any number, chosen by the client");
const credit = field.u32("credit", "chunks");

/** What a client that wants to know is told besides. */
const toldInfo = field.optional(
  field.info({
    /** Where there is no credit: what it waits for. */
    waits: field.oneOf(...waitCauses),
    /** Uploads that are served before this one, where there is a queue. */
    ahead: field.size,
    /** Offset before which all is stored: no byte before it will be asked for again. */
    stored: field.size,
  }),
);

const error = {
  /** HTTP-like number, see `errorMeanings` in `base/error.ts`. */
  code: field.u32("code", "section 7"),
  text: {
    ...field.errorText("text", "UTF-8, one line"),
    // Where the text is missing, the info must not be shown as one.
    lost: (frame: Uint8Array) =>
      isFilledObject(frame) ? "the text before the info is missing" : joined(frame, "text"),
  },
  /** With 409, the file that has the name, told to its owner; and what else there is to say to a program. */
  info: field.optional(
    field.info({
      /** Bytes of the file. */
      size: field.size,
      /** Its SHA-256, lower-case hex. */
      sha256: field.sha256,
      /** Id of the upload that it came by. */
      upload: field.text,
      /** Whether its metadata are those of the `post-file` that this answers. */
      metadata: field.oneOf("same", "different"),
      /** Of a dataset: SHA-256 (lower-case hex) over the list of its files. */
      files: field.sha256,
      /** Its name, where it was found by its content and has another one than the `post-file`. */
      name: field.text,
      /** The server's rule that takes it, or by which it is refused. */
      rule: field.text,
      /** Where it would go: a path below the server's data folder. */
      place: field.text,
      /** What is wrong with the metadata, one by one; `text` lists the same. */
      faults: field.faults,
      /** Of an answer: SHA-256 (lower-case hex) of the rules that concern this user, by which they are judged. */
      rules: field.sha256,
      /** Where `rulesFrom` was asked for: the user; bytes of the rules, compressed; and a part of them, base64. */
      user: field.text,
      rulesSize: field.size,
      rulesPart: field.text,
      /** Where `state` was asked for, beside the user: the server's calendar time, RFC 3339, UTC. */
      time: field.timestamp,
      /** Bytes that are free for an upload of this user, now; and, where there is a quota, those that it leaves. */
      free: field.size,
      quota: field.size,
      /** Name and version of the server program. */
      server: field.text,
      /** With 409, to a client that wants one: the receipt of what is there. */
      receipt: field.jws,
      /** It answers a `post-file` that asks, whatever the code: nothing was begun. */
      ask: field.yes,
      /** Of the `post-file` that it answers, where that asks and has one. */
      tag: field.size,
      /** Of an answer: the server reads stored uploads again for those who sent them. */
      readsAgain: field.yes,
      /** Id of the upload of which all was read again for this answer, and is what was asked about. */
      readAgain: field.text,
      /** Where `status` was asked for. */
      ...statusTold,
      /** Whether, and that, it is told how watched folders do. */
      ...reportTold,
    }),
  ),
};

/** What clients say. */
export const clientMessages = {
  "post-file": {
    flags,
    name: {
      ...field.fileName("file name", "UTF-8, a single name without folders"),
      // Before anything that is final for a client: what is missing here, it sent.
      lost: (frame: Uint8Array, next: Uint8Array) => {
        const isLost = isFilledObject(frame) || isMarkedInfo(next) || commandNamed(next) !== null;
        return isLost ? "a frame before the metadata or the info is missing" : null;
      },
    },
    /** A JSON object as its sender wrote it. */
    metadataText: field.metadata("metadata", `at most ${limits.metadataBytesMax} bytes`),
    /** What the client can say about the upload beforehand. Marked, so that it is not taken for metadata that got lost. */
    info: field.info(
      {
        /** Bytes of the whole file, when known. */
        size: field.size,
        /** When the content was last modified where it comes from: RFC 3339, UTC. */
        modified: field.timestamp,
        /** Name and version of the client program, for the server's log. */
        client: field.text,
        /** Identities (lower-case hex) of earlier uploads of the same key that this one takes the place of. */
        replaces: field.identities,
        /** What the bytes are, and shall be published as: the members of a tar, as a folder. */
        unpack: field.oneOf("tar"),
        /** The client wants a receipt when all is stored. */
        receipt: field.yes,
        /** Nothing is to be begun: the client asks what it would be told. */
        ask: field.yes,
        /** With `ask`: any number, chosen by the client. */
        tag: field.size,
        /** With `ask`: SHA-256 (lower-case hex) of the content, under whatever name it is stored. */
        sha256: field.sha256,
        /** The same of a dataset: that over the list of its files. */
        files: field.sha256,
        /** With `ask`: the rules are wanted instead, compressed, from this byte on. */
        rulesFrom: field.size,
        /** How urgent it is beside other uploads; normal where nothing is said. */
        priority: field.oneOf(...priorities),
        /** The client wants to be told why it waits. */
        waits: field.yes,
        /** Most bytes that it can have under way, and send again; it takes a larger `maxqueue` at any time. */
        window: field.size,
        /** The client cannot read again what it sent, and wants to be told how much of it is stored. */
        stored: field.yes,
        /** With `ask`: how the server is is wanted instead, its time and its room. */
        state: field.yes,
        /** With `ask`, and `sha256` or `files`: id of an upload that is to be read again, and compared with these. */
        readAgain: field.text,
        ...statusAsked,
        ...reportAsked,
      },
      { [reservedMember]: infoMarker },
    ),
  },
  // Its checksum depends on its flags, and speed on it: `encode.ts` and `decode.ts` have functions of their own for it.
  "post-chunk": {
    flags,
    /** Offset of `data` in the file, in bytes. */
    seek,
    data: field.octets("data", "of the file"),
    /** SHA-256 of the whole file (32 bytes); present exactly in the last chunk. */
    checksum: { ...field.checksum("checksum", "SHA-256 of the whole file"), isOptional: true },
  },
  "query-status": {
    /** Where the client is, in bytes: from this the server knows whether the client will go back. */
    seek: field.optional(seek),
    /** Comes back in the `status-report` that answers this. Only with `seek`. */
    tag: field.optional(tag),
    /** On a new connection, for a server that took the upload up again: what its `post-file` said of these. Only with `tag`. */
    info: field.optional(
      field.info({
        priority: field.oneOf(...priorities),
        waits: field.yes,
        window: field.size,
        stored: field.yes,
      }),
    ),
  },
  error,
};

/** What servers say. */
export const serverMessages = {
  "upload-approved": {
    /** Chunks that the client may send now. */
    credit,
    /** Most bytes in a chunk. */
    chunkBytes: field.u32("chunksize", "most bytes in a chunk, at least 1"),
    /** Most chunks that the server may ask for again. */
    maxQueue: field.u32("maxqueue", "chunks"),
    info: field.info({
      /** Name and version of the server program. */
      server: field.text,
      /** The id that `upload-finished` will carry. */
      upload: field.text,
      /** Whether a `status-report` returns the tag of the `query-status` that it answers. */
      tags: field.yes,
      /** Whether the server answers an `error` of the client with one of the same code. */
      farewell: field.yes,
      /** Whether the bytes are unpacked, as the client asked. */
      unpack: field.yes,
      /** Which names the files of a dataset may have beyond what holds for every file: those that a bag can list. */
      names: field.oneOf("bagit"),
      /** The priority that the upload has, where one was asked for: perhaps a lower one. */
      priority: field.oneOf(...priorities),
      /** Whether a client that wants to know is told how much is stored. */
      stored: field.yes,
      /** Whether the tar of a dataset may take out again what came before in it. */
      removes: field.yes,
    }),
  },
  "transfer-credit": {
    /** Chunks that the client may send in addition. */
    amount: field.u32("amount", "chunks"),
    info: toldInfo,
  },
  "status-report": {
    /** Where the client has to go on, in bytes. */
    seek,
    /** Chunks that the client may send from there; replaces the credit it had. */
    credit,
    /** Of the `query-status` that this answers; absent when it had none, and in a report that nobody asked for. */
    tag: field.optional(tag),
    /** Only with `tag`. */
    info: toldInfo,
  },
  "upload-finished": {
    uploadId: { ...field.uploadId("id", "UTF-8"), lost: (frame: Uint8Array) => joined(frame, "id") },
    /** Signed by the server; only to a client that wants one. */
    receipt: field.optional(field.receipt("receipt", "a JWS in compact form, section 3.6")),
  },
  error,
};

/** What stands behind the command of a message, under the names that its properties have. */
export type Fields = { readonly [property: string]: field.Field<unknown> };

type ValueOf<Of> = Of extends field.Field<infer Value> ? Value : never;
type Properties<Of> = {
  readonly [Name in keyof Of as undefined extends ValueOf<Of[Name]> ? never : Name]: ValueOf<Of[Name]>;
} & {
  readonly [Name in keyof Of as undefined extends ValueOf<Of[Name]> ? Name : never]?: Exclude<
    ValueOf<Of[Name]>,
    undefined
  >;
};
type Messages<Table> = { [Type in keyof Table]: { readonly type: Type } & Properties<Table[Type]> };
type ClientMessages = Messages<typeof clientMessages>;
type ServerMessages = Messages<typeof serverMessages>;

export type ClientMessage = ClientMessages[keyof ClientMessages];
export type ServerMessage = ServerMessages[keyof ServerMessages];
export type PostFile = ClientMessages["post-file"];
export type PostChunk = ClientMessages["post-chunk"];
/** A chunk whose data may lie where nobody looked at it yet. */
export type PostChunkOf<Data> = Omit<PostChunk, "data"> & { readonly data: Data };
export type ClientMessageOf<Data> = Exclude<ClientMessage, PostChunk> | PostChunkOf<Data>;
export type QueryStatus = ClientMessages["query-status"];
export type ErrorMessage = ClientMessages["error"];
export type ErrorInfo = NonNullable<ErrorMessage["info"]>;
export type UploadApproved = ServerMessages["upload-approved"];
export type UploadFinished = ServerMessages["upload-finished"];
export type StatusReport = ServerMessages["status-report"];

/** By what an answer to `post`, which asks, is told from other errors, and from answers to others. */
export function markOfAnswer({ info: { tag } }: PostFile): Pick<ErrorInfo, "ask" | "tag"> {
  return { ask: true, ...(tag === undefined ? {} : { tag }) };
}

/** First frame of each message. They are shared and must not be written to. */
export const commands: ReadonlyMap<string, Uint8Array> = new Map(
  Object.keys({ ...clientMessages, ...serverMessages }).map((name) => [name, utf8Frame(name)]),
);

/** The command, of either side, whose name the bytes are; `null` for everything else. */
export function commandNamed(bytes: Uint8Array): string | null {
  for (const [name, frame] of commands) {
    if (frame.length === bytes.length && frame.every((byte, at) => byte === bytes[at])) return name;
  }
  return null;
}

// The first frame of the next message: the end of this one was lost, and nothing shows where it began.
function joined(frame: Uint8Array, label: string): string | null {
  return commandNamed(frame) === null ? null : `the next message begins where the ${label} should be`;
}

// Whether these bytes are the info of a post-file, which an encoder marks so that it is never taken for metadata.
function isMarkedInfo(frame: Uint8Array): boolean {
  return readJsonObject(frame, limits.infoBytesMax)?.[reservedMember] === infoMarker;
}

// Metadata where the name should be, or an info where the text should. `{}` may be a name, and is no metadata.
function isFilledObject(frame: Uint8Array): boolean {
  if (frame[0] !== 0x7b) return false;
  return Object.keys(readJsonObject(frame, limits.metadataBytesMax) ?? {}).length > 0;
}
