// What a receipt says: the facts about an upload that was stored, and which server says so. Pure. The form in which it is signed is
// in `compact-jws.ts`, and normative in doc/protocol.md.

import * as v from "valibot";
import { digestOfSent } from "../upload/added.ts";
import type { CompleteUpload } from "../upload/upload.ts";

/** The facts about an upload that was stored. */
export interface StoredFacts {
  /** The server's id of it. */
  readonly upload: string;
  readonly user: string;
  /** Its name on the server: a dataset's without ".tar". */
  readonly name: string;
  /** Bytes: of a dataset those of the tar by which it came. */
  readonly size: number;
  /** Lower-case hex, of the same bytes. */
  readonly sha256: string;
  /** Of a dataset: SHA-256 (lower-case hex) over the list of its files. */
  readonly files?: string;
  /** `jsonDigest` of the metadata as they were sent. */
  readonly metadata: string;
  /** When all of it had come: ISO 8601, UTC. */
  readonly received: string;
}

/** What is signed. */
export interface Statement extends StoredFacts {
  /** Fingerprint of the server's CURVE key, `SHA256:…`. */
  readonly server: string;
}

/** Gives receipts, as a server does. */
export interface ReceiptGiver {
  /** The receipt for `facts`, a JWS in compact form; `null` where none can be given. */
  receiptFor(facts: StoredFacts): string | null;
}

type Known = Pick<
  CompleteUpload,
  "id" | "user" | "name" | "size" | "sha256" | "metadataText" | "added" | "receivedAt"
> & { readonly contents: Pick<NonNullable<CompleteUpload["contents"]>, "list"> | null };

/** The facts about an upload that is stored; `null` where its metadata are no JSON. */
export function factsOf(upload: Known): StoredFacts | null {
  const { id, user, name, size, sha256, contents, receivedAt } = upload;
  const metadata = digestOfSent(upload);
  if (metadata === null) return null;
  const files = contents === null ? {} : { files: contents.list };
  return { upload: id, user, name, size, sha256, ...files, metadata, received: receivedAt };
}

const schema = 1;

/** The text that is signed. The same facts are the same text. */
export function statementText(server: string, facts: StoredFacts): string {
  const { upload, user, name, size, sha256, files, metadata, received } = facts;
  const list = files === undefined ? {} : { files };
  return JSON.stringify({ schema, server, upload, user, name, size, sha256, ...list, metadata, received });
}

const digest = v.pipe(v.string(), v.regex(/^[0-9a-f]{64}$/));
const time = v.pipe(
  v.string(),
  v.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/),
  v.check((text) => !Number.isNaN(Date.parse(text))),
);
const statementSchema = v.object({
  schema: v.literal(schema),
  server: v.pipe(v.string(), v.regex(/^SHA256:[A-Za-z0-9+/]{43}$/)),
  upload: v.pipe(v.string(), v.nonEmpty(), v.maxLength(256)),
  user: v.string(),
  name: v.string(),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  sha256: digest,
  files: v.exactOptional(digest),
  metadata: digest,
  received: time,
});

/** What a statement says that was signed, or `null` where it is none. */
export function readStatement(value: unknown): Statement | null {
  const reading = v.safeParse(statementSchema, value);
  if (!reading.success) return null;
  const { schema: _, ...statement } = reading.output;
  return statement;
}
