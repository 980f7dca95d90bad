// Gives a finished upload its name: first what describes it, then the data, each durable before the next, and
// nothing that is there is ever replaced. Written as a list of steps, because the process may be killed between
// any two: whatever prefix was done, doing all of them again for the same upload completes it.

import type { Stats } from "node:fs";
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Clock } from "../base/clock.ts";
import { systemCode } from "../base/error.ts";
import {
  contentName,
  type Destination,
  destinationOf,
  foldersAbove,
  type Manner,
  pathOf,
} from "../upload/destination.ts";
import { checksumSuffix, markerName, metadataSuffix } from "../upload/names.ts";
import { checksumText, parseSidecar } from "../upload/sidecar.ts";
import { treeOf } from "./dataset/tree.ts";
import { takeApart } from "./dropbox-staging.ts";
import {
  isSameContent,
  isSameFile,
  linkNew,
  moveFile,
  readText,
  removeFile,
  syncFolder,
  writeNewFile,
} from "./durable-files.ts";
import { lookAt, lookBehind, makeFolder, nullWhenMissing, removeEmpty } from "./file-calls.ts";
import type { FolderSyncs } from "./folder-syncs.ts";
import { settleAt, settleFile } from "./manner.ts";
import { type Description, NameTaken } from "./storage.ts";
import type { Trash } from "./trash.ts";

export interface PublishParts {
  /** The data folder. */
  readonly root: string;
  /** Where partials lie, on the same file system. */
  readonly partials: string;
  /** The same, where it goes with the upload; `null`: other uploads lie in it as well. */
  readonly own: string | null;
  /** Mode of published files. */
  readonly mode: number;
  /** Whether the file system can give a file two names. */
  readonly hasLinks: boolean;
  /** Folders of published files that this process knows to be on disk. */
  readonly durableFolders: Set<string>;
  readonly syncs: FolderSyncs;
  readonly trash: Trash;
  readonly clock: Clock;
  /** What names of this process's own have in them, where others share the folder. */
  readonly tag: string;
}

// A folder for each sample: what is forgotten is synced once more.
const durableFoldersMax = 10_000;

export interface PublishStep {
  readonly name: string;
  /** The file is there, whole and durable: what fails here is no failure to publish it. */
  readonly isTidying?: true;
  run(): Promise<void>;
}

/** The steps that publish upload `id`, whose data lies durable and closed at `partials/id`. */
export function publishSteps(
  parts: PublishParts,
  id: string,
  destination: Destination,
  description: Description,
): readonly PublishStep[] {
  const staged = stagedFiles(parts.partials, id);
  const final = finalFiles(parts.root, destination);
  return [
    { name: "make its folder", run: () => makeFolders(parts, destination) },
    ...claimSteps(parts, id, destination, description),
    { name: "show the data", run: () => showData(parts, staged.data, final.data) },
    ...endSteps(parts, id, destination),
  ];
}

/** Those of them that put what describes a file beside it, and so give the name to it. */
export function claimSteps(
  parts: PublishParts,
  id: string,
  destination: Destination,
  description: Description,
): readonly PublishStep[] {
  const { root, partials, hasLinks, syncs } = parts;
  const folder = join(root, destination.folder);
  const staged = stagedFiles(partials, id);
  const final = finalFiles(root, destination);
  const { metadataText } = description;
  const checksum = checksumText(description.sha256, contentName(destination));
  const claim = hasLinks ? claimByLink : claimByWriting;
  return [
    {
      name: "stage the description",
      run: async () => {
        await Promise.all([
          stage(staged.metadata, metadataText, destination, parts),
          stage(staged.checksum, checksum, destination, parts),
        ]);
        await syncs.sync(partials);
      },
    },
    {
      name: "claim the name with the metadata",
      run: () => claimMetadata(parts, id, destination, metadataText),
    },
    {
      name: "put the checksum beside it",
      run: () => {
        const [from, to] = [staged.checksum, final.checksum];
        return claim({ parts, destination, from, to, text: checksum, isOwn: (text) => text === checksum });
      },
    },
    { name: "sync the description", run: () => syncs.sync(folder) },
  ];
}

/** Gives the name to upload `id`, by its staged metadata, and to nobody else. */
export async function claimMetadata(
  parts: PublishParts,
  id: string,
  destination: Destination,
  metadataText: string,
): Promise<void> {
  const [from, to] = [stagedFiles(parts.partials, id).metadata, finalFiles(parts.root, destination).metadata];
  const claim = parts.hasLinks ? claimByLink : claimByWriting;
  const isOwn = (there: string): boolean => isOf(id, metadataText, there);
  await claim({ parts, destination, from, to, text: metadataText, isOwn });
}

/** The last of them, when the data are visible under their name: what makes that durable, and clears up. */
export function endSteps(parts: PublishParts, id: string, destination: Destination): readonly PublishStep[] {
  const { root, partials, hasLinks, syncs, clock } = parts;
  const staged = stagedFiles(partials, id);
  const folder = join(root, destination.folder);
  const mark: PublishStep = {
    name: "mark it as finished",
    run: async () => {
      await putMarker(parts, destination);
      await syncs.sync(folder);
    },
  };
  return [
    { name: "sync the data", run: () => syncs.sync(folder) },
    ...(destination.manner?.marker === true ? [mark] : []),
    {
      name: "clear up",
      isTidying: true,
      run: async () => {
        await removeFile(staged.metadata, clock);
        await removeFile(staged.checksum, clock);
        if (destination.manner?.openbis === true) await takeApart(partials, id, clock);
        await removeData(parts, id);
        if (!hasLinks) await syncs.sync(partials);
      },
    },
  ];
}

// Whoever waits for it may have taken it away already, when this is done again.
async function putMarker({ root, mode }: PublishParts, destination: Destination): Promise<void> {
  const { folder, name, manner } = destination;
  try {
    await writeNewFile(join(root, folder, markerName(name)), "", mode, (it) => settleFile(it, manner, null));
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
}

/** Whether an earlier, broken-off publish of upload `id` got as far as to put its metadata at `destination`. */
export async function isClaimed(
  { root }: PublishParts,
  id: string,
  destination: Destination,
  { metadataText }: Description,
): Promise<boolean> {
  const there = await readText(finalFiles(root, destination).metadata);
  // The second is for a file system without links: a write that was cut off.
  return there !== null && (isOf(id, metadataText, there) || metadataText.startsWith(there));
}

/**
 * Undoes what a publish that did not come to its end left of upload `id`, before its data is removed or its
 * name is given up. Published data is never touched, and neither is what another upload put there.
 */
export async function rollBack(parts: PublishParts, id: string, destination?: Destination): Promise<void> {
  const { root, partials, clock } = parts;
  await takeApart(partials, id, clock);
  const staged = stagedFiles(partials, id);
  const stagedText = await readText(staged.metadata);
  // Also where clearing up stopped after the metadata.
  if (stagedText === null) return removeFile(staged.checksum, clock);
  const upload = destination === undefined ? parseSidecar(stagedText) : null;
  const where = destination ?? (upload === null ? null : destinationOf(upload));
  if (where !== null) {
    const final = finalFiles(root, where);
    const [data, finalData] = await Promise.all([lookAt(staged.data), lookAt(final.content)]);
    const isShown = data === null || isSameFile(data, finalData) || (await isEmptied(staged.data, data));
    if (!isShown && (await isOwnMetadata(final.metadata, staged.metadata, id))) {
      // The metadata last: while it is there, the rest can be told to be ours.
      if (await isOwnChecksum(parts, final.checksum, staged.checksum))
        await removeFile(final.checksum, clock);
      await removeFile(final.metadata, clock);
      await syncFolder(join(root, where.folder));
    }
  }
  await removeFile(staged.checksum, clock);
  await removeFile(staged.metadata, clock);
}

/** Removes what is left of the data of upload `id`: a file, or the hidden folder of a dataset; and its own folder, where it has one. */
export async function removeData({ partials, own, trash, clock }: PublishParts, id: string): Promise<void> {
  const { data } = stagedFiles(partials, id);
  if ((await lookAt(data))?.isDirectory() !== true) await removeFile(data, clock);
  else if (own === null) await trash.throwAway(data);
  if (own === null || (await removeEmpty(own))) return;
  // The folder around it goes with the last one; who has it now took it over.
  await trash.throwAway(own, async () => void (await removeEmpty(dirname(own)))).catch(nullWhenMissing);
}

/** Whether `path` is the hidden folder of a dataset whose files have their name already. */
async function isEmptied(path: string, properties: Stats): Promise<boolean> {
  return properties.isDirectory() && (await lookAt(treeOf(path))) === null;
}

/** Names under which an upload lies until it is published. */
export function stagedFiles(partials: string, id: string) {
  const data = join(partials, id);
  return { data, metadata: data + metadataSuffix, checksum: data + checksumSuffix };
}

/** Names that it gets. `content` is the file: `data` itself, where that is not a folder with more in it. */
export function finalFiles(root: string, destination: Destination) {
  const { folder, name } = destination;
  const data = join(root, folder, name);
  const content = join(root, folder, contentName(destination));
  return { data, content, metadata: data + metadataSuffix, checksum: data + checksumSuffix };
}

/**
 * Makes the folder of `destination` and those above it, durably; one that is there is fine. Throws `NameTaken` where one of them is
 * something that was published, else the system's error.
 */
export async function makeFolders(parts: PublishParts, destination: Destination): Promise<void> {
  const above = foldersAbove(destination);
  const outermost = (above[0] ?? destination).folder;
  const { manner } = destination;
  await makeOneFolder(parts, parts.root, join(parts.root, outermost), manner);
  for (const it of above) {
    const { data, metadata } = finalFiles(parts.root, it);
    if ((await lookAt(metadata)) !== null) throw isNoFolder(it);
    await makeOneFolder(parts, join(parts.root, it.folder), data, manner).catch((error) => {
      throw systemCode(error) === "ENOTDIR" || systemCode(error) === "EEXIST" ? isNoFolder(it) : error;
    });
  }
}

function isNoFolder(destination: Destination): NameTaken {
  const text = `${JSON.stringify(pathOf(destination))} on the server is a file or a dataset: nothing can be put into it`;
  return new NameTaken(text, { file: destination.name, published: null });
}

async function makeOneFolder(
  { durableFolders, syncs }: PublishParts,
  parent: string,
  folder: string,
  manner: Manner | undefined,
): Promise<void> {
  if (!(await isFolder(folder))) {
    durableFolders.delete(folder);
    try {
      await makeFolder(folder);
      await settleAt(folder, manner, true);
    } catch (error) {
      // Another upload made it meanwhile; or a link is there, and what it leads to says what is wrong.
      if (systemCode(error) !== "EEXIST" || !(await stat(folder)).isDirectory()) throw error;
    }
  }
  // A folder that is there may be one that a crash kept from being synced.
  if (durableFolders.has(folder)) return;
  await syncs.sync(parent);
  if (durableFolders.size >= durableFoldersMax) durableFolders.clear();
  durableFolders.add(folder);
}

async function isFolder(path: string): Promise<boolean> {
  return (await lookBehind(path))?.isDirectory() === true;
}

/** Writes a text that will lie beside the data. What is there is of an earlier attempt, and may be half of it: as a rule nothing is. */
export async function stage(
  file: string,
  text: string,
  { manner }: Destination,
  { mode, clock }: PublishParts,
): Promise<void> {
  const write = () => writeNewFile(file, text, mode, (it) => settleFile(it, manner, null));
  try {
    await write();
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
    await removeFile(file, clock);
    await write();
  }
}

/** A text that was staged, and is to lie beside the data from now on. */
interface Claim {
  readonly parts: PublishParts;
  readonly destination: Destination;
  readonly from: string;
  readonly to: string;
  readonly text: string;
  /** Whether what is there is of this upload. */
  readonly isOwn: (text: string) => boolean;
}

async function claimByLink({ parts, from, to, isOwn }: Claim): Promise<void> {
  if (await linkNew(from, to, parts.clock)) return;
  const there = await readText(to);
  if (there === null || !isOwn(there)) throw nameTaken();
}

// Without links a file cannot appear whole and without replacing anything at once. It is created exclusively,
// and may be found half written after a crash: then it is a beginning of our own text.
async function claimByWriting({ parts, destination, to, text, isOwn }: Claim): Promise<void> {
  const { clock, mode } = parts;
  const there = await readText(to);
  if (there !== null) {
    if (there === text || isOwn(there)) return;
    if (!text.startsWith(there)) throw nameTaken();
    await removeFile(to, clock);
  }
  try {
    await writeNewFile(to, text, mode, (it) => settleFile(it, destination.manner, null));
  } catch (error) {
    throw systemCode(error) === "EEXIST" ? nameTaken() : error;
  }
}

async function showData({ hasLinks, clock }: PublishParts, from: string, to: string): Promise<void> {
  if (hasLinks) {
    if (await linkNew(from, to, clock)) return;
    // Shown before a crash already?
    if (isSameFile(await lookAt(from), await lookAt(to))) return;
    throw nameTaken();
  }
  // Whoever gets here holds the name by its metadata: only another program can come between these two.
  const [source, target] = [await lookAt(from), await lookAt(to)];
  if (source === null && target !== null) return;
  if (target !== null) throw nameTaken();
  await moveFile(from, to, clock);
}

function isOf(id: string, metadataText: string, there: string): boolean {
  return there === metadataText || parseSidecar(there)?.id === id;
}

async function isOwnMetadata(final: string, staged: string, id: string): Promise<boolean> {
  if (isSameFile(await lookAt(final), await lookAt(staged))) return true;
  const text = await readText(final);
  return text !== null && parseSidecar(text)?.id === id;
}

// Of whom the metadata are. Without links a long one is moved there, and nothing is left of it where it was staged.
async function isOwnChecksum({ hasLinks }: PublishParts, final: string, staged: string): Promise<boolean> {
  return (!hasLinks && (await lookAt(staged)) === null) || (await isSameContent(final, staged));
}

// The storage says what is there.
export function nameTaken(): NameTaken {
  const nobodyLooked = { file: null, published: null };
  return new NameTaken("There is a file of this name on the server already", nobodyLooked);
}
