// The kinds of frames that messages are declared with in `message.ts`: how a value is written and read, in which words a frame
// is refused, and what the grammar of doc/protocol.md says of it.

import { assert } from "../../base/assert.ts";
import { errorMeanings, type Fault } from "../../base/error.ts";
import { parseTimestamp } from "../../base/timestamp.ts";
import { limits } from "../limits.ts";
import { cutAtCharacter, numberFrame, readJsonObject, readNumber, readUtf8, utf8Frame } from "./frames.ts";
import { metadataFormFault } from "./metadata.ts";
import { oneLine } from "./one-line.ts";

/** Why frames are no message, as the `error` that answers them. Of a field that is malformed: the rest of a sentence that names it. */
export class DecodeFailure {
  readonly ok = false;
  readonly code: number;
  readonly text: string;

  constructor(code: number, text: string) {
    this.code = code;
    this.text = text;
  }
}

export const malformed = errorMeanings.malformed.wire;

/** One frame of a message. `Value` has `undefined` where the message may lack the property. */
export interface Field<Value> {
  /** Its name in error texts and, with hyphens, in the grammar. */
  readonly label: string;
  /** What the grammar says of it, besides the next. */
  readonly note: string;
  /** What the frame holds, as ABNF. */
  readonly content: string;
  /** Whether it may be left out, with all behind it. It is then read as an empty frame. */
  readonly isOptional: boolean;
  /** Of an info: the names that its members may have. */
  readonly members?: readonly string[];
  /** `null`: the frame is left out. */
  write(value: Value): Uint8Array | null;
  read(frame: Uint8Array): Value | DecodeFailure;
  /** What shows that a frame got lost, and this or `next` is another one: a sentence without its subject, else `null`. */
  lost?(frame: Uint8Array, next: Uint8Array): string | null;
}

/** A kind of frame: a field once it has a label, and a note where there is more to say. */
function kind<Value>(content: string, codec: Pick<Field<Value>, "write" | "read">) {
  return (label: string, note = ""): Field<Value> => ({ label, note, content, isOptional: false, ...codec });
}

/** Exact in JavaScript. */
function number(width: 4 | 8) {
  return kind<number>(`u${width * 8}`, {
    write: (value) => numberFrame(value, width),
    read: (frame) =>
      readNumber(frame, width) ?? wrongWidth(frame, width) ?? new DecodeFailure(malformed, "above 2^53 - 1"),
  });
}
export const u32 = number(4);
export const u64 = number(8);

const noFlags = numberFrame(0, 4);

/** Bits that are no property of the message: sent as 0 and ignored. */
export const flags = kind<undefined>("u32", {
  write: () => noFlags,
  read: (frame) => wrongWidth(frame, 4) ?? undefined,
});

/** Bytes, not copied. */
export const octets = kind<Uint8Array>("*OCTET", { write: (bytes) => bytes, read: (frame) => frame });

/** A SHA-256. A copy: it is compared when the upload is complete, long after the message with its frames is gone. */
export const checksum = kind<Uint8Array | null>(`${limits.checksumBytes}OCTET`, {
  write: (value) => {
    assert(value === null || value.length === limits.checksumBytes, "a checksum is a SHA-256");
    return value;
  },
  read: (frame) => wrongWidth(frame, limits.checksumBytes) ?? frame.slice(),
});

export const fileName = kind<string>(`1*${limits.nameBytesMax}OCTET`, {
  write: utf8Frame,
  read: (frame) => overlong("File name", frame, limits.nameBytesMax) ?? utf8(frame),
});

/** A JSON object as its sender wrote it. */
export const metadata = kind<string>("json-object", {
  write: utf8Frame,
  read: (frame) => {
    // Its length is known before it is read.
    const tooLong = overlong("Metadata", frame, limits.metadataBytesMax);
    if (tooLong !== null) return tooLong;
    const text = readUtf8(frame);
    if (text === null) {
      const code = errorMeanings["metadata-rejected"].wire;
      return new DecodeFailure(code, "Metadata is not valid UTF-8, wanted a JSON object");
    }
    const fault = metadataFormFault(text);
    return fault === null ? text : new DecodeFailure(fault.code, fault.text);
  },
});

export const uploadId = kind<string>(`*${limits.uploadIdBytesMax}OCTET`, {
  write: utf8Frame,
  read: (frame) =>
    frame.length > limits.uploadIdBytesMax
      ? new DecodeFailure(malformed, `of ${frame.length} bytes, at most ${limits.uploadIdBytesMax}`)
      : utf8(frame),
});

/** For people: one line, and cut where it is too long. */
export const errorText = kind<string>(`*${limits.errorTextBytesMax}OCTET`, {
  write: (text) => cut(utf8Frame(oneLine(text))),
  read: (frame) => {
    const text = utf8(cut(frame));
    return typeof text === "string" ? oneLine(text) : text;
  },
});

/** A JWS in its compact form (RFC 7515); whether it is right is for others to find out. */
export const receipt = kind<string>(`*${limits.receiptBytesMax}OCTET`, {
  write: utf8Frame,
  read: (frame) => {
    const text = frame.length > limits.receiptBytesMax ? null : readUtf8(frame);
    return text !== null && compactJws.test(text) ? text : new DecodeFailure(malformed, "is no receipt");
  },
});

const compactJws = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/;

/** What a member of an info says, `undefined` where it does not hold what was meant. */
type Member<Value> = (value: unknown) => Value | undefined;
type Members = { readonly [name: string]: Member<unknown> };
export type Info<Of extends Members> = {
  readonly [Name in keyof Of]?: Exclude<ReturnType<Of[Name]>, undefined>;
};

/**
 * A JSON object of short members. An empty one is left out: the message is then, byte for byte, what the original program
 * sends. Whatever does not hold what was meant is ignored, one by one, and so is what nobody knows. `mark` is added to one that
 * is not empty, by which it is told from other objects.
 */
export function info<Of extends Members>(members: Of, mark: object = {}): Field<Info<Of>> {
  const readMembers = membersReader(members);
  const field = kind<Info<Of>>("json-object", {
    write: (value) =>
      Object.keys(value).length === 0 ? null : utf8Frame(JSON.stringify({ ...value, ...mark })),
    read: (frame) => readMembers(readJsonObject(frame, limits.infoBytesMax) ?? {}),
  });
  return {
    ...field("info", `at most ${limits.infoBytesMax} bytes`),
    isOptional: true,
    members: Object.keys({ ...members, ...mark }),
  };
}

function membersReader<Of extends Members>(members: Of): (json: object) => Info<Of> {
  const all = Object.entries(members);
  return (json) => {
    const there = all.filter(([name]) => Object.hasOwn(json, name));
    const values = there.map(([name, member]) => [name, member(json[name as keyof object])] as const);
    return Object.fromEntries(values.filter(([, value]) => value !== undefined)) as Info<Of>;
  };
}

/**
 * The same where a message may lack it, as it does when there is something else in its place. A number is a u64 here: where a
 * u32 before it gets lost, it must not be taken for that.
 */
export function optional<Value>(field: Field<Value>): Field<Value | undefined> {
  const write = (value: Value | undefined) => (value === undefined ? null : field.write(value));
  const read = (frame: Uint8Array) => {
    const value = field.read(frame);
    // What would be left out says nothing either.
    return value instanceof DecodeFailure || field.write(value) === null ? undefined : value;
  };
  return { ...field, isOptional: true, write, read };
}

export const size: Member<number> = (value) =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
export const text: Member<string> = (value) => (typeof value === "string" ? oneLine(value) : undefined);
/** A line of text that is not empty and has at most so many UTF-16 units. */
export function shortText(lengthMax: number): Member<string> {
  return (value) => {
    const line = text(value)?.trim();
    return line === undefined || line === "" || line.length > lengthMax ? undefined : line;
  };
}
/** How many there are of what, by at most so many short words. */
export function counts(most: number): Member<Readonly<Record<string, number>>> {
  return (value) => {
    if (!isObject(value)) return undefined;
    const all = Object.entries(value);
    const isRight = all.every(
      ([word, count]) => /^[a-z][a-z0-9-]{0,31}$/.test(word) && size(count) !== undefined,
    );
    return isRight && all.length <= most ? Object.fromEntries(all) : undefined;
  };
}
export const timestamp: Member<string> = (value) =>
  typeof value === "string" && parseTimestamp(value) !== null ? value : undefined;
export const sha256: Member<string> = (value) =>
  typeof value === "string" && /^[0-9a-f]{64}$/.test(value) ? value : undefined;
/** The same as the frame. */
export const jws: Member<string> = (value) =>
  typeof value === "string" && compactJws.test(value) ? value : undefined;
/** Said only when it is so. */
export const yes: Member<boolean> = (value) => value === true || undefined;
export const identities: Member<readonly string[]> = (value) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > limits.replacesMax) return undefined;
  const isIdentity = (it: unknown): boolean => typeof it === "string" && /^(?:[0-9a-f]{2}){1,255}$/.test(it);
  return value.every(isIdentity) ? value : undefined;
};
/** What is wrong with metadata, field by field. */
export const faults: Member<readonly Fault[]> = (value) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > limits.faultsMax) return undefined;
  const read = value.map(faultOf);
  return read.every((it) => it !== null) ? read : undefined;
};
export function oneOf<Word extends string>(...words: readonly Word[]): Member<Word> {
  return (value) => words.find((word) => word === value);
}

/** Members that belong together. Each by itself is read as that of an info. */
export function group<Of extends Members>(members: Of): Member<Info<Of>> {
  const readMembers = membersReader(members);
  return (value) => (isObject(value) ? readMembers(value) : undefined);
}

/** At most `most` of such groups, none of them empty. */
export function groups<Of extends Members>(members: Of, most: number): Member<readonly Info<Of>[]> {
  const read = group(members);
  return (value) => {
    if (!Array.isArray(value) || value.length > most) return undefined;
    const values = value.map(read);
    return values.every((it) => it !== undefined && Object.keys(it).length > 0)
      ? (values as readonly Info<Of>[])
      : undefined;
  };
}

export const texts: Member<readonly string[]> = (value) => (areTexts(value) ? value.map(oneLine) : undefined);

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function faultOf(value: unknown): Fault | null {
  if (typeof value !== "object" || value === null) return null;
  const { path, text: words, types, missing } = value as { readonly [name: string]: unknown };
  if (typeof path !== "string" || typeof words !== "string") return null;
  return {
    path: oneLine(path),
    text: oneLine(words),
    ...(areTexts(types) ? { types } : {}),
    ...(areTexts(missing) ? { missing: missing.map(oneLine) } : {}),
  };
}

function areTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((it) => typeof it === "string");
}

function wrongWidth({ length }: Uint8Array, wanted: number): DecodeFailure | null {
  return length === wanted ? null : new DecodeFailure(malformed, `of ${length} bytes, wanted ${wanted}`);
}

function overlong(what: string, { length }: Uint8Array, bytesMax: number): DecodeFailure | null {
  if (length <= bytesMax) return null;
  return new DecodeFailure(
    errorMeanings["too-large"].wire,
    `${what} of ${length} bytes, at most ${bytesMax} are allowed`,
  );
}

function utf8(frame: Uint8Array): string | DecodeFailure {
  return readUtf8(frame) ?? new DecodeFailure(malformed, "is not valid UTF-8");
}

function cut(frame: Uint8Array): Uint8Array {
  return cutAtCharacter(frame, limits.errorTextBytesMax);
}
