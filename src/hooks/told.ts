// What hooks are told: a JSON object, made of texts, so that metadata arrive as they came. doc/json.md has its schema. Pure.

import { type JsonMember, jsonMember, objectText } from "../base/json-text.ts";
import type { Form } from "../upload/upload.ts";
import { type Hook, idempotencyKey } from "./hook.ts";

const schema = 1;

/** What is known of an upload; what is not known yet is not there. */
export interface ToldUpload {
  readonly id: string;
  readonly user: string;
  /** Fingerprint of the key that began it, or `null` where that is not known. */
  readonly key: string | null;
  readonly name: string;
  readonly form: Form;
  /** Bytes, or `null`. */
  readonly size: number | null;
  readonly sha256?: string | null;
  /** Number of files, and SHA-256 of the list of them, of a dataset. */
  readonly files?: number | null;
  readonly list?: string | null;
  /** When the client's file was last modified, or `null`. */
  readonly modified: string | null;
  /** Name and version of the client's program, or `null`. */
  readonly client: string | null;
  /** When it began, and when all of it had come. */
  readonly startedAt: string;
  readonly receivedAt?: string | null;
}

/** Absolute paths of what was published. */
export interface ToldPaths {
  readonly data: string;
  readonly checksum: string;
  readonly metadata: string;
}

/** What is the same for all attempts, as the text of an object. */
export function toldBody(upload: ToldUpload, paths: ToldPaths | null, metadataText: string): string {
  return objectText([
    jsonMember("upload", JSON.stringify(upload)),
    ...(paths === null ? [] : [jsonMember("paths", JSON.stringify(paths))]),
    jsonMember("metadata", metadataText),
  ]);
}

/** What `hook` is told at its `attempt`, counted from 1: `body`, of upload `id`, behind what is about the attempt. */
export function toldText(
  hook: Pick<Hook, "name" | "event">,
  id: string,
  attempt: number,
  body: string,
): string {
  const about: readonly JsonMember[] = [
    jsonMember("schema", String(schema)),
    jsonMember("event", JSON.stringify(hook.event)),
    jsonMember("hook", JSON.stringify(hook.name)),
    jsonMember("idempotencyKey", JSON.stringify(idempotencyKey(id, hook))),
    jsonMember("attempt", String(attempt)),
  ];
  // Both are objects with a member at least: one goes on where the other ends.
  return `${objectText(about).slice(0, -1)},${body.slice(1)}`;
}
