// Whether a server has what a job would send, found out without sending: the server says what it has, and what lies here is read
// where only that can tell. Used by `client.ts`.

import type { DyncError } from "../base/error.ts";
import { sha256Of } from "../base/sha256-of.ts";
import { Turns } from "../base/turns.ts";
import type { Answer, Asker, Question, StoredThing } from "./ask.ts";
import type { Job } from "./job.ts";
import type { Source } from "./source.ts";

/** What the server has of a job. */
export type Checked =
  | { readonly type: "stored"; readonly stored: StoredThing; readonly content: Content }
  /** Something is there, and it is not this; `why` is the end of a sentence. */
  | { readonly type: "differs"; readonly why: string }
  /** `why`, where there is one: it would not be taken. */
  | ({ readonly type: "missing"; readonly why: string | null } & WouldBe)
  /** It would be taken, by a copy of the rules; nobody was asked what is there. */
  | ({ readonly type: "accepted" } & WouldBe)
  /** Nothing is there, or nobody was asked, and with its metadata it would not be taken. */
  | { readonly type: "refused"; readonly error: DyncError };

/** By which rule of the server it would be taken, and where it would go there; `null`: that is not known. */
export interface WouldBe {
  readonly rule: string | null;
  readonly place: string | null;
}

/** What lies here: SHA-256, lower-case hex, and bytes. */
export type Content =
  | { readonly kind: "file"; readonly sha256: string; readonly size: number }
  | { readonly kind: "dataset"; readonly files: string };

export interface CheckOptions {
  /** Whether the metadata have to be the same. */
  readonly comparesMetadata: boolean;
  /** Whether what is not there under its name may be there under another one. */
  readonly byContent: boolean;
}

export interface CheckParts {
  readonly asker: Pick<Asker, "ask">;
  /** Opens what the job names; it is closed here. */
  readonly open: () => Promise<Source>;
  /** So many bytes were read, of so many. */
  readonly onRead: (bytes: number, total: number | null) => void;
}

/** Rejects with `DyncError`: the source cannot be read, or the server not be asked. */
export async function checkJob(
  job: Job,
  options: CheckOptions,
  parts: CheckParts,
  signal: AbortSignal,
): Promise<Checked> {
  const { asker, open } = parts;
  // What is not here is nothing that is missing there.
  const source = await open();
  try {
    const about = questionOf(options.comparesMetadata ? job : { ...job, metadataText: "{}" });
    const question = source.size === null ? about : { ...about, size: source.size };
    const answer = await asker.ask(question, signal);
    if (answer.type === "taken") return { type: "differs", why: answer.text };
    if (answer.type !== "stored" && !options.byContent) return missing(answer, options);
    if (answer.type === "stored") return await compare(answer.stored, source, options, parts, signal);
    const content = await contentOf(source, parts, signal);
    const found = await asker.ask({ ...question, ...aboutContent(content) }, signal);
    if (found.type !== "stored") return missing(found, options);
    return verdict(found.stored, content, options);
  } finally {
    await source.close();
  }
}

/** What is asked about the name of a job. */
export function questionOf({ name, metadataText, unpack }: Job): Question {
  return { name, metadataText, ...(unpack === undefined ? {} : { unpack }) };
}

/** What is asked beside it about what lies here, under any name. */
export function aboutContent(content: Content): Pick<Question, "sha256" | "files"> {
  return content.kind === "file" ? { sha256: content.sha256 } : { files: content.files };
}

/** Whether what is stored is what lies here. */
export function hasContent({ files, sha256 }: StoredThing, content: Content): boolean {
  // A dataset's is that of its tar, which may have been sent as any file is.
  return content.kind === "file" ? sha256 === content.sha256 : files === content.files;
}

function missing(answer: Exclude<Answer, { type: "stored" }>, { comparesMetadata }: CheckOptions): Checked {
  if (answer.type !== "refused") {
    const { rule = null, place = null } = answer.type === "missing" ? answer : {};
    return { type: "missing", why: null, rule, place };
  }
  if (comparesMetadata) return answer;
  // Without metadata it is refused for that, where nothing is there.
  const isTold = answer.error.code !== "metadata-rejected";
  return { type: "missing", why: isTold ? answer.error.message : null, rule: null, place: null };
}

async function compare(
  stored: StoredThing,
  source: Source,
  options: CheckOptions,
  parts: CheckParts,
  signal: AbortSignal,
): Promise<Checked> {
  const isDataset = source.listDigest !== undefined;
  if (isDataset && stored.files === null) return { type: "differs", why: "a file has that name" };
  if (!isDataset && stored.files !== null && source.size !== stored.size)
    return { type: "differs", why: "a dataset has that name" };
  if (!isDataset && source.size !== null && source.size !== stored.size) {
    return { type: "differs", why: `other content: ${stored.size} bytes there, ${source.size} here` };
  }
  return verdict(stored, await contentOf(source, parts, signal), options);
}

function verdict(stored: StoredThing, content: Content, { comparesMetadata }: CheckOptions): Checked {
  if (!hasContent(stored, content)) return { type: "differs", why: "other content" };
  if (comparesMetadata && !stored.hasSameMetadata)
    return { type: "differs", why: "other metadata, the same content" };
  return { type: "stored", stored, content };
}

/**
 * What the source holds. That it changes meanwhile needs no look: a mixture of before and after has the checksum of nothing that
 * is stored.
 */
export async function contentOf(
  source: Source,
  { onRead }: Pick<CheckParts, "onRead">,
  signal: AbortSignal,
): Promise<Content> {
  if (source.listDigest !== undefined) return { kind: "dataset", files: await source.listDigest(onRead) };
  let size = 0;
  // As a dataset does when it is read: a MiB at a time, and others get their turn.
  const turns = new Turns(1, signal);
  const counted = {
    read: async (offset: number, into: Uint8Array): Promise<number> => {
      await turns.step();
      const count = await source.read(offset, into);
      size = offset + count;
      onRead(size, source.size);
      return count;
    },
  };
  const checksum = await sha256Of(counted);
  return { kind: "file", sha256: checksum.toString("hex"), size };
}
