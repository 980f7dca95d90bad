// Reads again what was published, and tells what is not as it was stored. Changes nothing.

import { jsonDigest } from "../base/json-digest.ts";
import { contentName, type Destination, pathOf } from "../upload/destination.ts";
import { checksumSuffix, metadataSuffix } from "../upload/names.ts";
import { checksumText, parseSidecar, withoutOwn } from "../upload/sidecar.ts";
import type { CompleteUpload } from "../upload/upload.ts";
import { datasetOnDisk, readBackDataset } from "./dataset/read-back-dataset.ts";
import { readText } from "./durable-files.ts";
import { lookAt } from "./file-calls.ts";
import { flawOf, hashOf } from "./file-reading.ts";
import { finalFiles } from "./publish.ts";
import type { Reading, StoredAs } from "./storage.ts";

/**
 * As `Storage.readBack`, in the data folder `root`. `checkThere` rejects where the folder as a whole is away: then nothing is
 * missing.
 */
export async function readBack(
  root: string,
  destination: Destination,
  stored: StoredAs,
  events: Reading,
  checkThere: () => Promise<void>,
): Promise<boolean> {
  const files = finalFiles(root, destination);
  const path = pathOf(destination);
  const [properties, text] = [await lookAt(files.data), await readText(files.metadata)];
  const found = { path, isThere: properties !== null, text };
  if (!(await judgeDescription(found, stored, events, checkThere)) || properties === null) return false;
  if (stored.form === "file") await readBackFile(files, destination, stored, events);
  else if (properties.isDirectory())
    await readBackDataset(datasetOnDisk(files, events), destination, stored, events);
  else await events.flaw({ kind: "damaged", path, reason: "it is no folder" });
  return true;
}

async function readBackFile(
  files: ReturnType<typeof finalFiles>,
  destination: Destination,
  { sha256, size }: StoredAs,
  events: Reading,
): Promise<void> {
  const path = pathOf(destination);
  const found = await hashOf(files.content, events);
  const bytes = found !== null && "bytes" in found ? found.bytes : null;
  const flaw =
    bytes !== null && size !== null && bytes !== size
      ? ({ kind: "damaged", reason: `it has ${bytes} bytes, stored were ${size}` } as const)
      : flawOf(found, Buffer.from(sha256, "hex"));
  if (flaw !== null) await events.flaw({ ...flaw, path });
  await judgeChecksum(await readText(files.checksum), destination, sha256, events);
}

/** What was found of an upload at `path`, and the `text` of its description, `null`: it is not there. */
interface Found {
  readonly path: string;
  readonly isThere: boolean;
  readonly text: string | null;
}

/**
 * Tells what is wrong with the description of what was stored. Returns whether there is anything to read: not where it is gone, or another
 * upload has its name. `checkThere` as for `readBack`.
 */
export async function judgeDescription(
  { path, isThere, text }: Found,
  stored: StoredAs,
  events: Pick<Reading, "flaw">,
  checkThere: () => Promise<void> = async () => {},
): Promise<boolean> {
  const sidecar = text === null ? null : parseSidecar(text);
  const other = sidecar !== null && sidecar.id !== stored.id ? sidecar.id : null;
  if (!isThere || other !== null) {
    await checkThere();
    const reason = other === null ? "it is not there" : `the upload ${other} has its name now`;
    await events.flaw({ kind: "missing", path, reason });
    return false;
  }
  const beside = path + metadataSuffix;
  if (text === null) await events.flaw({ kind: "missing", path: beside, reason: "it is not there" });
  else if (!saysTheSame(sidecar, stored))
    await events.flaw({ kind: "damaged", path: beside, reason: "it says something else" });
  return true;
}

/** Tells what is wrong with the file of the checksum, of which this is the text; `null`: it is not there. */
export async function judgeChecksum(
  text: string | null,
  destination: Destination,
  sha256: string,
  events: Pick<Reading, "flaw">,
): Promise<void> {
  const path = pathOf(destination) + checksumSuffix;
  if (text === null) await events.flaw({ kind: "missing", path, reason: "it is not there" });
  else if (text !== checksumText(sha256, contentName(destination)))
    await events.flaw({ kind: "damaged", path, reason: "it says something else" });
}

/** Whether a description is the one of what was stored. */
function saysTheSame(sidecar: CompleteUpload | null, { sha256, metadataText }: StoredAs): boolean {
  if (sidecar === null || sidecar.sha256 !== sha256) return false;
  return metadataText === null || jsonDigest(sidecar.metadataText) === jsonDigest(withoutOwn(metadataText));
}
