// Gives a whole dataset what says that it is whole. Its members lie where they are to be; they are compared with what the record says of them, one list of the
// store beside the list of the dataset, and what is not of it goes. Then come the list, `D.sha256`, and what describes it, `D.meta.json`, as the last of all.
// Whatever part of it was done, all of it done again for the same upload completes it.

import { DyncError } from "../../../base/error.ts";
import { Turns } from "../../../base/turns.ts";
import { bagDeclaration, bagInfoText } from "../../../upload/bag.ts";
import { checksumText, parseSidecar } from "../../../upload/sidecar.ts";
import type { CompleteUpload } from "../../../upload/upload.ts";
import { bytesOf, checksumLine, filesOf, linesOf, manifestLine } from "../../dataset/listing.ts";
import type { IndexedFile } from "../../dataset/member-index.ts";
import type { ListedObject } from "../client/s3-client.ts";
import {
  clearUp,
  copiedBytes,
  copy,
  isOf,
  mark,
  type Publishing,
  putMetadata,
  taken,
} from "../publish-object.ts";
import { abortUpload, endMultiparts, forgetUpload, inParallel, keepState } from "../upload-state.ts";
import { contentRoot, type DatasetWork } from "./dataset-work.ts";
import { putText } from "./text-object.ts";

// A page of rows is done in one turn of the event loop.
const pagesPerTurn = 1;
const neverAborted = new AbortController().signal;
/** Files that describe a bag. */
const tagFiles = ["bag-info.txt", "bagit.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt"];

/** Throws `NameTaken` where somebody else has the name. */
export async function publishDataset(publishing: Publishing, work: DatasetWork): Promise<void> {
  const { home, id, destination, description, patience } = publishing;
  const keys = home.keys.of(destination);
  const upload = parseSidecar(description.metadataText);
  if (upload === null) throw new DyncError("internal", "A description is not what was written");
  await expectFree(publishing);
  const root = home.keys.members(destination);
  await endMultiparts(home, work.parts.root);
  await compare(publishing, work, { root: work.parts.root, isCopied: false });
  if (root !== work.parts.root) {
    await copyMembers(publishing, work, root);
    await compare(publishing, work, { root, isCopied: true });
  }
  const turns = new Turns(pagesPerTurn, neverAborted);
  const { index, layout } = work.parts;
  if (layout === "bagit") await putTags(publishing, work, upload, turns);
  const lines = linesOf(index, checksumLine(destination.name, layout), turns);
  await putText({ home, id, key: keys.checksum, patience }, lines);
  await putMetadata(publishing);
  home.names.add(destination);
  await mark(home, destination, patience);
  await clearUp(home, id);
}

/** Throws `NameTaken` where something lies at the name, or beside it, that is not of this upload. */
async function expectFree({ home, id, destination, patience }: Publishing): Promise<void> {
  const { content, metadata, checksum } = home.keys.of(destination);
  const [file, sidecar, list] = [
    await home.client.head(content, patience),
    await home.client.read(metadata, patience),
    await home.client.head(checksum, patience),
  ];
  const isOthers = sidecar !== null && parseSidecar(sidecar.bytes.toString("utf8"))?.id !== id;
  if (file !== null || isOthers || (list !== null && !isOf(id, list))) throw taken(destination);
}

interface Compared {
  readonly root: string;
  /** The store gave some of them other ETags then. */
  readonly isCopied: boolean;
}

/** Compares what lies below `root` with the members, and takes away what an earlier part of the upload left there. */
async function compare(
  publishing: Publishing,
  work: DatasetWork,
  { root, isCopied }: Compared,
): Promise<void> {
  const { home, patience } = publishing;
  const content = contentRoot({ ...work.parts, root });
  const wanted = filesOf(work.parts.index, new Turns(pagesPerTurn, neverAborted));
  const next = async (): Promise<IndexedFile | null> => (await wanted.next()).value ?? null;
  let file = await next();
  const extras: ListedObject[] = [];
  for await (const there of home.client.list(root, patience)) {
    if (file !== null && isBefore(content + file.path, there.key)) break;
    if (file === null || there.key !== content + file.path) {
      extras.push(there);
      continue;
    }
    if (there.size !== file.size || (!isCopied && there.etag !== file.etag)) break;
    file = await next();
  }
  if (file !== null) {
    await work.confirm();
    await spoilt(publishing, file.path);
  }
  const isBag = work.parts.layout === "bagit";
  for (const { key } of extras)
    await removeExtra(publishing, key, isBag && tagFiles.includes(key.slice(root.length)));
}

function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

/** Something of it is not what was stored: nothing of it is published, and its client begins anew. */
async function spoilt({ home, id }: Publishing, path: string): Promise<never> {
  const message = "The object store does not have a member as it was stored: the upload begins anew";
  home.log.log("error", message, { upload: id, path });
  await abortUpload(home, id);
  await forgetUpload(home, id);
  throw new DyncError("not-ready", "What was stored of the dataset was spoilt; the server asks for it again");
}

async function removeExtra(publishing: Publishing, key: string, isTag: boolean): Promise<void> {
  const { home, id, destination, patience } = publishing;
  const there = await home.client.head(key, patience);
  if (there === null) return;
  if (!isOf(id, there)) throw taken(destination);
  if (!isTag) await home.client.remove(key, patience);
}

/** Copies the members of an upload of which nobody knew where it goes while it came. */
async function copyMembers(publishing: Publishing, { parts }: DatasetWork, root: string): Promise<void> {
  const { home, id, destination, patience } = publishing;
  for await (const { key } of home.client.list(root, patience)) {
    const there = await home.client.head(key, patience);
    if (there !== null && !isOf(id, there)) throw taken(destination);
    break;
  }
  await keepState(home, id, { members: parts.root, target: root }, patience);
  const [from, to] = [contentRoot(parts), contentRoot({ ...parts, root })];
  const files = filesOf(parts.index, new Turns(pagesPerTurn, neverAborted));
  await inParallel(files, async ({ path, size }) => {
    if (size <= copiedBytes) await home.client.copy(from + path, to + path, patience);
    else await copy({ home, id, patience }, from + path, to + path);
  });
}

async function putTags(
  { home, id, destination, patience }: Publishing,
  { parts: { index } }: DatasetWork,
  upload: CompleteUpload,
  turns: Turns,
): Promise<void> {
  const root = home.keys.members(destination);
  const put = (name: string, text: AsyncIterable<Uint8Array>): Promise<string> =>
    putText({ home, id, key: root + name, patience }, text);
  const payload = { bytes: await bytesOf(index, turns), files: upload.contents?.files ?? 0 };
  const sums = {
    "manifest-sha256.txt": await put("manifest-sha256.txt", linesOf(index, manifestLine, turns)),
    "bagit.txt": await put("bagit.txt", one(bagDeclaration)),
    "bag-info.txt": await put("bag-info.txt", one(bagInfoText(upload, payload))),
  };
  const lines = Object.entries(sums).map(([name, sha256]) => checksumText(sha256, name));
  await put("tagmanifest-sha256.txt", one(lines.join("")));
}

async function* one(text: string): AsyncGenerator<Uint8Array> {
  yield Buffer.from(text);
}
