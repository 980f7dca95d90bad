// The proof that something which was sent may be deleted here: it is still what was sent (by what was written down of it then: id,
// size and time), what is read of it now has the checksum of then, and the server has read again from its disk what it stored, and found
// that checksum. A proof is good for what it looked at: it is looked at once more before anything is deleted.

import { DyncError } from "../../base/error.ts";
import { tarSuffix } from "../../protocol/wire/stored-name.ts";
import type { Asker, Question } from "../ask.ts";
import { contentOf } from "../check.ts";
import { type DatasetParts, DatasetSource } from "../dataset/dataset-source.ts";
import { FileSource, openFileSource } from "../file-source.ts";
import { isEqual, isSameVersion, versionOf } from "../file-version.ts";
import { type Listing, listFolder } from "../listing/listing.ts";
import type { Selection } from "../listing/selection.ts";
import type { FoundItem } from "../listing/walk.ts";
import { type Kept, kept } from "./kept.ts";
import { type Disposal, type Removal, removeDataset, removeFile } from "./remove.ts";
import type { SentEntry } from "./sent-below.ts";
import type { Takings } from "./takings.ts";
import { type Base, look, wayFault } from "./way.ts";

export interface Proved {
  readonly type: "proved";
  readonly files: number;
  readonly bytes: number;
  /** Deletes it, or has `disposal` take it away, and nothing that is not what was proved. */
  remove(disposal?: Disposal): Promise<Removal>;
}

/** `gone`: nothing is there any more. */
export type Proof = Proved | Kept | { readonly type: "gone" };

export interface ProofParts extends Pick<DatasetParts, "clock" | "writeAll"> {
  readonly asker: Pick<Asker, "readAgain">;
  readonly base: Base;
  /** What began to go. */
  readonly takings: Takings;
  /** Whether what is proved is to be moved, and not deleted. */
  readonly isMoved: boolean;
  /** So many bytes were read here, of so many. */
  readonly onRead: (bytes: number, total: number | null) => void;
}

/** Proves `entry`, or says why not. Rejects with `DyncError` where that cannot be found out, as the server cannot be asked. */
export async function prove(entry: SentEntry, parts: ProofParts, signal: AbortSignal): Promise<Proof> {
  try {
    return await proveIt(entry, parts, signal);
  } catch (error) {
    if (!(error instanceof DyncError) || signal.aborted) throw error;
    if (error.code === "source-changed") return kept("changed", error.message);
    if (error.code === "source" || error.code === "usage") return kept("unreadable", error.message);
    throw error;
  }
}

async function proveIt(entry: SentEntry, parts: ProofParts, signal: AbortSignal): Promise<Proof> {
  const { path, mark, id } = entry;
  if ((await look(path)) === null) return { type: "gone" };
  const fault = await wayFault(parts.base, path);
  if (fault !== null) return fault;
  if (mark === undefined || id === "") return kept("no-record", noRecord);
  return mark.kind === "file"
    ? await proveFile(entry, mark, parts, signal)
    : await proveDataset(entry, mark, parts, signal);
}

type Mark = NonNullable<SentEntry["mark"]>;

async function proveFile(
  entry: SentEntry,
  { version }: Extract<Mark, { kind: "file" }>,
  parts: ProofParts,
  signal: AbortSignal,
): Promise<Proof> {
  const { path, sha256 } = entry;
  const there = await look(path);
  // When a name or a permission changed says nothing: its content is compared.
  const known = { ...version, changed: undefined };
  if (there === null || !there.isFile() || !isSameVersion(known, versionOf(there)))
    return kept("changed", "It is not the file that was sent any more: its size, time or id is another");
  const source = await openFileSource(path);
  try {
    if (!(source instanceof FileSource)) return kept("changed", "It has no size any more");
    const content = await contentOf(source, parts, signal);
    if (content.kind !== "file" || content.sha256 !== sha256)
      return kept("changed", "Its content is another one than was sent");
    await source.verifyUnchanged(Buffer.from(sha256, "hex"));
    // What was opened may be another one than was looked at.
    const now = await look(path);
    if (now === null || !now.isFile() || !isEqual(source.version, versionOf(now)))
      return kept("changed", "It was changed while it was read");
    const read = await askServer(entry, { name: entry.name, metadataText: "{}", sha256 }, parts, signal);
    if (read !== null) return read;
    const proved = source.version;
    return {
      type: "proved",
      files: 1,
      bytes: proved.size,
      remove: (disposal) => removeFile(path, proved, parts.base, disposal),
    };
  } finally {
    await source.close();
  }
}

async function proveDataset(
  entry: SentEntry,
  { digest, selection }: Extract<Mark, { kind: "dataset" }>,
  parts: ProofParts,
  signal: AbortSignal,
): Promise<Proof> {
  const { path } = entry;
  if (selection.links === "follow")
    return kept("link", "It was sent with what links in it lead to, which are not followed");
  const all = await listFolder({ folder: path, selection, known: null }, signal);
  const isSame = all.mark.digest === digest;
  const listing = isSame
    ? all
    : await listFolder({ folder: path, selection, known: null, isMeant: isOlder(entry) }, signal);
  if (listing.mark.digest !== digest) return await proveRest(entry, selection, parts, signal);
  if (!listing.isOnOneDevice) return elsewhere;
  const quiet = { onNote: () => {}, onWarning: () => {} };
  const source = new DatasetSource(listing, selection, { ...parts, ...quiet }, signal);
  try {
    const files = await source.listDigest(parts.onRead);
    const read = await askServer(entry, datasetQuestion(entry, files), parts, signal);
    return read ?? provedDataset(entry, listing, files, parts);
  } finally {
    await source.close();
  }
}

const elsewhere = kept("other-volume", "Something in it is on another volume");

function datasetQuestion({ name }: SentEntry, files: string): Question {
  return { name: name + tarSuffix, metadataText: "{}", unpack: "tar", files };
}

/** What a crash, or a fault, left of something that was proved, and went in part: each file that is still as it was proved. */
async function proveRest(
  entry: SentEntry,
  selection: Selection,
  parts: ProofParts,
  signal: AbortSignal,
): Promise<Proof> {
  const { path, id } = entry;
  const { takings, isMoved } = parts;
  const taking = await takings.find(path);
  const changed = kept("changed", "Something in it is not what was sent, or is gone");
  if (taking === null || taking.id !== id) return changed;
  let count = 0;
  const isMeant = (found: FoundItem): boolean => {
    const isPart = taking.has(found, isMoved);
    if (isPart) count += 1;
    return isPart;
  };
  const listing = await listFolder({ folder: path, selection, known: null, isMeant }, signal).catch(
    (error: unknown) => {
      if (error instanceof DyncError && count === 0) return null;
      throw error;
    },
  );
  if (listing === null) return changed;
  if (!listing.isOnOneDevice) return elsewhere;
  const read = await askServer(entry, datasetQuestion(entry, taking.files), parts, signal);
  return read ?? provedDataset(entry, listing, null, parts);
}

/** `files`: the digest of its list of files; `null`: it was written down before. */
function provedDataset(
  { id }: SentEntry,
  listing: Listing,
  files: string | null,
  { base, takings }: ProofParts,
): Proved {
  const remove = async (disposal?: Disposal): Promise<Removal> => {
    if (files !== null) await takings.begin(listing, id, files);
    const removal = await removeDataset(listing, base, disposal);
    // What is left of it would be taken for a run of its own.
    if (removal.kept === null || (files !== null && removal.files === 0)) await takings.end(listing.folder);
    return removal;
  };
  return { type: "proved", files: listing.files, bytes: listing.bytes, remove };
}

/**
 * What may have been there when it was sent: what came since is left out, and stays. Whether that is what was sent says the digest, not
 * the clock. When a folder changed says nothing, since that moves with all that comes into it.
 */
function isOlder({ at }: SentEntry): (found: FoundItem) => boolean {
  const sentAt = BigInt(Date.parse(at)) * 1_000_000n;
  return ({ type, stats }) => (type === "file" ? stats.ctimeNs : stats.birthtimeNs) <= sentAt;
}

/** Has the server read it again. Returns why it proves nothing, or `null`: it is proved. */
async function askServer(
  { id }: SentEntry,
  about: Question,
  { asker }: ProofParts,
  signal: AbortSignal,
): Promise<Kept | null> {
  const read = await asker.readAgain(id, about, signal);
  if (read.type === "proved") return null;
  const reason = ({ missing: "not-stored", damaged: "damaged", refused: "refused" } as const)[read.type];
  return kept(reason, `The server does not prove it: ${read.text}`);
}

/** Whether the server has this metadata with `entry`, under its name and by its id. Rejects with `DyncError`. */
export async function hasMetadata(
  { name, id, kind }: SentEntry,
  metadataText: string,
  asker: Pick<Asker, "ask">,
  signal: AbortSignal,
): Promise<boolean> {
  const question: Question =
    kind === "dataset" || kind === "live"
      ? { name: name + tarSuffix, metadataText, unpack: "tar" }
      : { name, metadataText };
  const answer = await asker.ask(question, signal);
  return answer.type === "stored" && answer.stored.upload === id && answer.stored.hasSameMetadata;
}

const noRecord =
  "Nothing is known by which it could be told from another one: an older dync sent it, or it was stored as a tar";
