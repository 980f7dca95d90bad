// Gives a whole dataset its name: what describes it first, as with a file (publish.ts), then all of its files by one call. One
// sync before that makes everything durable. Written as steps for the same reason: any prefix of them can be done again.

import { join } from "node:path";
import { assert } from "../../base/assert.ts";
import { systemCode } from "../../base/error.ts";
import { sha256Hex } from "../../base/sha256-hex.ts";
import { secondsText } from "../../base/timestamp.ts";
import { Turns } from "../../base/turns.ts";
import { bagDeclaration, bagInfoText } from "../../upload/bag.ts";
import type { Destination } from "../../upload/destination.ts";
import { checksumText, parseSidecar } from "../../upload/sidecar.ts";
import { isSameContent, linkNew, moveFile, removeFile, syncFile } from "../durable-files.ts";
import { changeTimesAt, lookAt, writeWholeFile } from "../file-calls.ts";
import { settleAt, settleTree } from "../manner.ts";
import {
  claimMetadata,
  endSteps,
  finalFiles,
  makeFolders,
  nameTaken,
  type PublishParts,
  type PublishStep,
  stage,
  stagedFiles,
} from "../publish.ts";
import type { Description } from "../storage.ts";
import { bytesOf, checksumLine, manifestLine, writeLines } from "./listing.ts";
import type { WholeDataset } from "./whole-dataset.ts";

// Of a million files a page of rows, of a thousand folders some, are done in one turn of the event loop.
const stepsPerTurn = 16;
const neverAborted = new AbortController().signal;
const textMode = 0o666;

/** The steps that publish upload `id`, whose files are all there. */
export function datasetSteps(
  parts: PublishParts,
  id: string,
  destination: Destination,
  description: Description,
  dataset: WholeDataset,
): readonly PublishStep[] {
  const { root, partials, syncs, clock } = parts;
  const folder = join(root, destination.folder);
  const staged = stagedFiles(partials, id);
  const final = finalFiles(root, destination);
  const turns = new Turns(stepsPerTurn, neverAborted);
  return [
    { name: "make its folder", run: () => makeFolders(parts, destination) },
    {
      name: "complete the files",
      run: async () => {
        if (dataset.layout === "bagit") await makeBag(dataset, description, turns);
        await settleTree(dataset.parts.tree, destination.manner, turns);
        await setFolderTimes(dataset, turns);
      },
    },
    {
      name: "stage the description",
      run: async () => {
        await stage(staged.metadata, description.metadataText, destination, parts);
        // An earlier attempt may have given this very file its name.
        await removeFile(staged.checksum, clock);
        await writeLines(staged.checksum, dataset, checksumLine(destination.name, dataset.layout), turns);
        await settleAt(staged.checksum, destination.manner, false);
      },
    },
    { name: "sync all of it", run: () => dataset.sync() },
    {
      name: "claim the name with the metadata",
      run: () => claimMetadata(parts, id, destination, description.metadataText),
    },
    {
      name: "put the checksums beside it",
      run: () => claimChecksums(parts, staged.checksum, final.checksum),
    },
    { name: "sync the description", run: () => syncs.sync(folder) },
    {
      name: "show the files",
      run: async () => {
        await dataset.close();
        await show(parts, dataset.parts.tree, final.data);
      },
    },
    ...endSteps(parts, id, destination),
  ];
}

async function makeBag(dataset: WholeDataset, { metadataText }: Description, turns: Turns): Promise<void> {
  const { tree } = dataset.parts;
  const upload = parseSidecar(metadataText);
  assert(upload !== null, "a description is what we wrote");
  const payload = { bytes: await bytesOf(dataset.index, turns), files: dataset.contents.files };
  const sums = {
    "manifest-sha256.txt": await writeLines(join(tree, "manifest-sha256.txt"), dataset, manifestLine, turns),
    "bagit.txt": await writeText(join(tree, "bagit.txt"), bagDeclaration, dataset),
    "bag-info.txt": await writeText(join(tree, "bag-info.txt"), bagInfoText(upload, payload), dataset),
  };
  const lines = Object.entries(sums).map(([name, sha256]) => checksumText(sha256, name));
  await writeText(join(tree, "tagmanifest-sha256.txt"), lines.join(""), dataset);
}

// When all is in them: what comes into a folder changes its time.
async function setFolderTimes({ index, parts, onTimeRefused }: WholeDataset, turns: Turns): Promise<void> {
  for (let after = ""; ; ) {
    const page = await index.folders(after);
    for (const { path, modified } of page) {
      const seconds = secondsText(modified);
      await changeTimesAt(join(parts.content, path), seconds, seconds).catch(onTimeRefused);
      await turns.step();
    }
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.path;
  }
}

async function claimChecksums({ hasLinks, clock }: PublishParts, from: string, to: string): Promise<void> {
  if (hasLinks && (await linkNew(from, to, clock))) return;
  if ((await lookAt(to)) === null) return await moveFile(from, to, clock);
  // Of an earlier attempt?
  if (!(await isSameContent(from, to))) throw nameTaken();
}

/** Gives the folder `from` the name `to`, unless that was done before. Throws `NameTaken` where something is there. */
export async function show({ clock }: PublishParts, from: string, to: string): Promise<void> {
  const [source, target] = [await lookAt(from), await lookAt(to)];
  if (source === null && target !== null) return;
  if (target !== null) throw nameTaken();
  try {
    // Whoever gets here holds the name by its metadata: only another program can come between, and nothing but an empty folder
    // gives way.
    await moveFile(from, to, clock);
  } catch (error) {
    const isThere = ["ENOTEMPTY", "EEXIST", "ENOTDIR", "EISDIR"].includes(systemCode(error) ?? "");
    throw isThere ? nameTaken() : error;
  }
}

/** Writes a small text over what is there; resolves to its SHA-256 (hex). */
async function writeText(path: string, text: string, { syncsEach }: WholeDataset): Promise<string> {
  const bytes = Buffer.from(text);
  await writeWholeFile(path, bytes, textMode, null);
  if (syncsEach) await syncFile(path);
  return sha256Hex(bytes);
}
