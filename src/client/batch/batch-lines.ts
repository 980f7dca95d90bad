// A batch as text: one JSON value a line. The first line says what the batch is; a line with what jobs share counts for all
// jobs behind it; each job has one line with the rest. Used by `batch-store.ts`.

import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import * as v from "valibot";
import { assert } from "../../base/assert.ts";
import { DyncError, type ErrorCode, errorFields, errorMeanings } from "../../base/error.ts";
import { furtherOf } from "../../base/server-place.ts";
import { limits } from "../../protocol/limits.ts";
import { metadataFormFault } from "../../protocol/wire/metadata.ts";
import type { Job } from "../job.ts";
import { pathOf } from "../origin.ts";
import { alsoAtSchema, selectionSchema } from "../upload-store.ts";

const hexSchema = v.pipe(v.string(), v.regex(/^[0-9a-f]{32}$/));
const countSchema = v.pipe(v.number(), v.integer(), v.minValue(0), v.maxValue(Number.MAX_SAFE_INTEGER));

const headSchema = v.object({
  schema: v.literal(1),
  /** From which the identities of its uploads are made. */
  seed: hexSchema,
  /** How often it was taken up again. */
  round: countSchema,
  /** ISO 8601. */
  startedAt: v.string(),
});

const newerSchema = v.looseObject({ batch: v.looseObject({ schema: v.pipe(v.number(), v.gtValue(1)) }) });

const sharedSchema = v.object({
  /** Where the command was given: paths that are not absolute begin there. */
  folder: v.string(),
  host: v.string(),
  port: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(65535)),
  alsoAt: alsoAtSchema,
  serverKeyFile: v.nullable(v.string()),
  metadataText: v.pipe(
    v.string(),
    v.check((text) => metadataFormFault(text) === null),
  ),
  unpack: v.optional(v.literal("tar")),
  /** Set where each path is a folder, of which this much is one upload. */
  selection: v.optional(selectionSchema),
});

const jobSchema = v.object({
  /** Its number in the batch, from 0, for good. */
  n: countSchema,
  path: v.string(),
  name: v.string(),
  size: v.optional(countSchema),
  fault: v.optional(
    v.object({
      code: v.pipe(
        v.string(),
        v.check((code) => Object.hasOwn(errorMeanings, code)),
      ),
      message: v.string(),
      hint: v.optional(v.string()),
    }),
  ),
});

/** What a batch is: the first line. */
export type BatchHead = v.InferOutput<typeof headSchema>;
/** What the jobs of a batch have in common. */
export type SharedPart = v.InferOutput<typeof sharedSchema>;
/** What each job has of its own. */
export type OwnPart = v.InferOutput<typeof jobSchema>;

const lineSchema = v.union([v.object({ batch: headSchema }), v.object({ shared: sharedSchema }), jobSchema]);

/** A line as it was read. */
export type BatchLine = v.InferOutput<typeof lineSchema>;

const readBytes = 256 * 1024;
// Metadata with every character escaped, and a path.
const lineBytesMax = 8 * limits.metadataBytesMax;

/** Bytes of the first line, which is written last. */
export const headBytes = 256;

/** The first line, with its end. */
export function headLine(head: BatchHead): string {
  return `${JSON.stringify({ batch: head }).padEnd(headBytes - 1)}\n`;
}

/** The line for `part`, with its end. */
export function lineOf(part: { shared: SharedPart } | OwnPart): string {
  return `${JSON.stringify(part)}\n`;
}

/** What `job` shares with others of a command that was given in `folder`. */
export function sharedPart(job: Job, folder: string): SharedPart {
  const { host, port, serverKeyFile, metadataText, unpack, origin } = job;
  const selection = origin.kind === "dataset" ? origin.selection : undefined;
  const { alsoAt } = furtherOf(job);
  return { folder, host, port, alsoAt, serverKeyFile, metadataText, unpack, selection };
}

/** What the job with the number `n` has of its own. A batch has no standard input. */
export function ownPart({ origin, name, size, fault }: Job, n: number): OwnPart {
  const path = pathOf(origin);
  assert(path !== null, "standard input is no part of a batch");
  return { n, path, name, size, fault: fault && errorFields(fault) };
}

/** The error that was written down. */
export function faultOf({ fault }: OwnPart): DyncError | undefined {
  return fault && new DyncError(fault.code as ErrorCode, fault.message, { hint: fault.hint });
}

export function isSameShared(one: SharedPart, other: SharedPart): boolean {
  const { selection, alsoAt, ...rest } = one;
  return (
    (Object.keys(rest) as (keyof typeof rest)[]).every((key) => rest[key] === other[key]) &&
    isSameJson(selection, other.selection) &&
    isSameJson(alsoAt, other.alsoAt)
  );
}

function isSameJson(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

/** Adds up what makes two batches the same: what is sent, and to which server, by whichever of its addresses. */
export class BatchDigest {
  readonly #hash = createHash("sha256");
  #shared: SharedPart | null = null;

  add(shared: SharedPart, { path, name }: OwnPart): void {
    if (this.#shared === null || !isSameShared(this.#shared, shared)) {
      this.#shared = shared;
      this.#hash.update(lineOf({ shared: { ...shared, alsoAt: undefined } }));
    }
    this.#hash.update(`${JSON.stringify([path, name])}\n`);
  }

  /** 32 lower-case hex digits. */
  get text(): string {
    return this.#hash.copy().digest("hex").slice(0, 32);
  }
}

/** What a batch file is not. */
export class NoBatch extends Error {
  /** Whether a newer version of the program wrote it. */
  readonly isNewer: boolean;

  constructor(isNewer: boolean) {
    super("This is no batch");
    this.isNewer = isNewer;
  }
}

/** The lines between two bytes of a file; by default all. Throws `NoBatch` at the first that is none. */
export async function* linesOf(
  file: FileHandle,
  { begin = 0, end = Number.POSITIVE_INFINITY } = {},
): AsyncGenerator<BatchLine, void, undefined> {
  const buffer = Buffer.alloc(readBytes);
  let rest: Buffer = Buffer.alloc(0);
  for (let offset = begin; offset < end; ) {
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, end - offset), offset);
    if (bytesRead === 0) break;
    offset += bytesRead;
    rest = Buffer.concat([rest, buffer.subarray(0, bytesRead)]);
    let lineBegin = 0;
    for (let lineEnd = rest.indexOf(0x0a); lineEnd >= 0; lineEnd = rest.indexOf(0x0a, lineBegin)) {
      yield parsed(rest.toString("utf8", lineBegin, lineEnd));
      lineBegin = lineEnd + 1;
    }
    rest = rest.subarray(lineBegin);
    if (rest.length > lineBytesMax) throw new NoBatch(false);
  }
  if (rest.length > 0) throw new NoBatch(false);
}

/** What is in `lines`, but for the jobs whose number is in `done`. */
export async function* partsOf(
  lines: AsyncIterable<BatchLine>,
  done: ReadonlySet<number>,
): AsyncGenerator<{ readonly shared: SharedPart; readonly own: OwnPart }, void, undefined> {
  let shared: SharedPart | null = null;
  for await (const line of lines) {
    if ("shared" in line) shared = line.shared;
    else if ("n" in line && shared !== null && !done.has(line.n)) yield { shared, own: line };
  }
}

function parsed(text: string): BatchLine {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new NoBatch(false);
  }
  const result = v.safeParse(lineSchema, value);
  if (result.success) return result.output;
  throw new NoBatch(v.is(newerSchema, value));
}
