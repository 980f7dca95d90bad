// Gives a finished upload its name in the object store: first what describes it, then the object. Nothing that is there is replaced: the metadata claim
// the name, where the store can by a request that fails when there is something, and before each step somebody looks. Whatever part of it
// was done, all of it done again for the same upload completes it.

import { DyncError, messageOf } from "../../base/error.ts";
import { timed } from "../../base/stages.ts";
import { contentName, type Destination } from "../../upload/destination.ts";
import { takenText } from "../../upload/names.ts";
import { checksumText, parseSidecar } from "../../upload/sidecar.ts";
import { type Description, NameTaken } from "../storage.ts";
import type { ObjectFacts, Part } from "./client/s3-client.ts";
import { S3Error } from "./client/s3-error.ts";
import type { Patience } from "./client/s3-request.ts";
import type { S3Home } from "./home.ts";
import type { PublishedKeys } from "./keys.ts";
import type { Ledger } from "./ledger.ts";
import { abort, forgetUpload, rollBack } from "./upload-state.ts";

/** In one request: a store copies some hundred megabytes a second while we wait, and takes 5 GiB at most. */
export const copiedBytes = 1024 * 1024 * 1024;

export interface Publishing {
  readonly home: S3Home;
  readonly id: string;
  readonly destination: Destination;
  readonly description: Description;
  readonly patience: Patience;
}

/** What is published. */
export interface Whole {
  readonly ledger: Ledger;
  /** All bytes of what has no multipart upload. */
  readonly body: readonly Uint8Array[] | null;
  readonly size: number;
}

/** Throws `NameTaken` where somebody else has the name. */
export async function publishObject(publishing: Publishing, whole: Whole): Promise<void> {
  const { home, id, destination } = publishing;
  const keys = home.keys.of(destination);
  try {
    await claim(publishing, keys, whole);
    await show(publishing, keys, whole);
    // Whoever took the upload over, where this server was frozen or cut off, may have found no object, and taken away what describes it. Who does that
    // looks for the object once more after it, so one of the two sees what the other one did.
    if ((await home.client.head(keys.metadata, publishing.patience)) === null) await describe(publishing);
  } catch (error) {
    // Nothing of ours may stay beside what is somebody else's.
    if (error instanceof NameTaken) await rollBack(home, id, keys);
    throw error;
  }
  home.names.add(destination);
  await mark(home, destination, publishing.patience);
  // Of one that was in memory alone the store knows nothing.
  if (whole.ledger.durable > 0 || whole.ledger.uploadId !== null) await clearUp(home, id);
}

/** The last of it, when the object is there. What fails of the clearing up stays for `storage check`. */
export async function endPublishing(
  home: S3Home,
  id: string,
  destination: Destination,
  patience: Patience,
): Promise<void> {
  await mark(home, destination, patience);
  await clearUp(home, id);
}

/** Says by an empty object that all of it is there, where that is wanted. */
export async function mark(home: S3Home, destination: Destination, patience: Patience): Promise<void> {
  if (destination.manner?.marker === true)
    await home.client.put(home.keys.of(destination).marker, [], {}, patience);
}

/** Deletes what is known of a published upload; what fails of that stays for `storage check`. */
export async function clearUp(home: S3Home, id: string): Promise<void> {
  try {
    await forgetUpload(home, id);
  } catch (error) {
    const message = "What the store knew of a published upload was not removed";
    home.log.log("warn", message, { upload: id, reason: messageOf(error) });
  }
}

async function claim(publishing: Publishing, keys: PublishedKeys, { ledger }: Whole): Promise<void> {
  const { home, id, destination, patience } = publishing;
  const { client } = home;
  // One that is sent whole replaces nothing where the store heeds that; no store heeds it of parts that are put together.
  const isSafe = ledger.uploadId === null && client.heedsConditions;
  const there = isSafe ? null : await client.head(keys.content, patience);
  if (there !== null && !isOf(id, there)) throw taken(destination);
  await describe(publishing);
}

/** Stores what describes a file. Throws `NameTaken` where something else is described there. */
export async function describe(publishing: Publishing): Promise<void> {
  const { home, destination, description, patience } = publishing;
  const { client, keys } = home;
  await putMetadata(publishing);
  const checksum = checksumText(description.sha256, contentName(destination));
  const isSame = (text: string): boolean => text === checksum;
  const key = keys.of(destination).checksum;
  await putNew({ client, key, text: checksum, type: "text/plain", isOwn: isSame }, destination, patience);
}

/** Stores what describes it. Throws `NameTaken` where something else is described there. */
export async function putMetadata({
  home,
  id,
  destination,
  description,
  patience,
}: Publishing): Promise<void> {
  const key = home.keys.of(destination).metadata;
  const isOwn = (text: string): boolean => parseSidecar(text)?.id === id;
  const text = { client: home.client, key, text: description.metadataText, type: "application/json", isOwn };
  await putNew(text, destination, patience);
}

interface NewText {
  readonly client: S3Home["client"];
  readonly key: string;
  readonly text: string;
  readonly type: string;
  /** Whether what is there already is ours, of an earlier attempt. */
  readonly isOwn: (text: string) => boolean;
}

/** Stores a text that is to be new. Throws `NameTaken` where there is another one. */
async function putNew(
  { client, key, text, type, isOwn }: NewText,
  destination: Destination,
  patience: Patience,
): Promise<void> {
  const before = client.heedsConditions ? null : await client.read(key, patience);
  if (before === null && (await client.put(key, [Buffer.from(text)], { type, isNew: true }, patience)))
    return;
  const there = before ?? (await client.read(key, patience));
  // Whoever had the upload before, or has it now, took it away.
  if (there === null) throw new DyncError("not-ready", "What was in the way of this name is gone");
  if (!isOwn(there.bytes.toString("utf8"))) throw taken(destination);
  if (there.bytes.toString("utf8") !== text) await client.put(key, [Buffer.from(text)], { type }, patience);
}

async function show({ home, id, destination, patience }: Publishing, keys: PublishedKeys, whole: Whole) {
  const { client } = home;
  const { ledger, body, size } = whole;
  const { uploadId } = ledger;
  const key = keys.content;
  const isHidden = ledger.key !== null && ledger.key !== key;
  // An earlier attempt may have made that object already.
  const isWhole = isHidden && (await client.head(ledger.key as string, patience)) !== null;
  const outcome =
    uploadId === null
      ? await timed("write", () =>
          client.put(key, body ?? [], { about: { "dync-upload": id }, isNew: true }, patience),
        )
      : isWhole || (await complete({ home, id, destination, patience }, ledger));
  if (outcome === true && client.heedsConditions && uploadId === null) return;
  if (isHidden) await copy({ home, id, patience }, ledger.key as string, key);
  // An earlier request may have made it whose answer got lost; and not every store heeds that it is to be new.
  const there = await client.head(key, patience);
  if (there !== null && isOf(id, there)) {
    const hint = `look at ${key} in the object store: it is not what was stored there`;
    if (there.size !== size)
      throw new DyncError("internal", `The object store has ${there.size} bytes of a file that has ${size}`, {
        hint,
      });
    // Whoever had the upload before may have made it late, of what its client sent then.
    const isOther = body !== null && outcome === false && (await isUnlike(client, body, there));
    if (isOther)
      throw new DyncError("internal", "The object store has other bytes of the file than its client sent", {
        hint,
      });
    return;
  }
  if (there !== null) throw taken(destination);
  const lost =
    outcome === "gone" ? "has lost what was stored of the file" : "did not make an object of what was stored";
  throw new DyncError("not-ready", `The object store ${lost}; the server asks for what it needs again`);
}

/**
 * As `S3Client.complete`. Ceph refuses where it has a part that is left out, as one that a server stored which did not know that another one had its
 * upload: then all of it is given up, and its client begins anew.
 */
async function complete(
  { home, id, destination, patience }: Omit<Publishing, "description">,
  ledger: Ledger,
): Promise<"done" | "exists" | "gone"> {
  const keys = home.keys.of(destination);
  const target = { key: ledger.key as string, uploadId: ledger.uploadId as string };
  try {
    return await home.client.complete(target, ledger.parts, patience);
  } catch (error) {
    if (!(error instanceof S3Error) || error.code !== "InvalidPart") throw error;
    const listed = await home.client.parts(target.key, target.uploadId, patience);
    // Another server has given it up since.
    if (listed === null) return "gone";
    const strange = ledger.strangeAmong(listed);
    if (strange.length === 0) throw error;
    home.log.log("error", "The object store has parts of an upload that are not its own: it begins anew", {
      upload: id,
      parts: strange.join(", "),
    });
    await abort(home, target);
    await rollBack(home, id, keys);
    await forgetUpload(home, id);
    throw new DyncError("not-ready", "What was stored of the file was spoilt; the server asks for it again", {
      cause: error,
    });
  }
}

/** Makes the object `key` of the hidden one of an upload of which nobody knew where it goes while it came. */
export async function copy(
  { home, id, patience }: Pick<Publishing, "home" | "id" | "patience">,
  source: string,
  key: string,
): Promise<void> {
  const { client } = home;
  const size = (await client.head(source, patience))?.size;
  // It is there already, of an earlier attempt.
  if (size === undefined) return;
  const target = { key, uploadId: await client.begin(key, { about: { "dync-upload": id } }, patience) };
  try {
    const parts: Part[] = [];
    for (let from = 0; from < size; from += copiedBytes) {
      const [number, bytes] = [parts.length + 1, Math.min(copiedBytes, size - from)];
      parts.push({
        number,
        size: bytes,
        etag: await client.copyPart(target, number, { source, from, bytes }, patience),
      });
    }
    await client.complete(target, parts, patience);
  } catch (error) {
    await abort(home, target);
    throw error;
  }
}

/** Whether an object, which was stored in one request, has other bytes; where the store says nothing of them it is believed. */
async function isUnlike(
  client: S3Home["client"],
  body: readonly Uint8Array[],
  { etag }: ObjectFacts,
): Promise<boolean> {
  return /^[0-9a-f]{32}$/.test(etag) && etag !== (await client.md5(body)).toString("hex");
}

/** Whether an object is the one that upload `id` was published as. */
export function isOf(id: string, { about }: ObjectFacts): boolean {
  return about["dync-upload"] === id;
}

export function taken({ name }: Destination): NameTaken {
  return new NameTaken(takenText(name, name), { file: name, published: null });
}
