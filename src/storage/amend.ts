// Gives what is published another description: the one before stays beside it, under its name and a number. Every step can be done
// again, as with publishing.

import { basename, join } from "node:path";
import { DyncError, systemCode } from "../base/error.ts";
import type { Destination } from "../upload/destination.ts";
import { parseSidecar } from "../upload/sidecar.ts";
import { isSameFile, linkNew, moveFile, readText, writeNewFile } from "./durable-files.ts";
import { lookAt } from "./file-calls.ts";
import { settleFile } from "./manner.ts";
import { finalFiles, type PublishParts, stage, stagedFiles } from "./publish.ts";

// So often nobody changes his mind.
const versionsMax = 10_000;

/**
 * Replaces the metadata of upload `id`, which is published at `destination`, by `metadataText`. Returns the name of the file that has
 * those of before.
 *
 * @throws DyncError "unknown-upload": it does not lie there; else the system's error.
 */
export async function amendMetadata(
  parts: PublishParts,
  id: string,
  destination: Destination,
  metadataText: string,
): Promise<string> {
  const { root, partials, syncs, clock, tag } = parts;
  const { metadata } = finalFiles(root, destination);
  // Another server may do the same just now.
  const staged = stagedFiles(partials, id + tag).metadata;
  const before = await readText(metadata);
  if (before === null || parseSidecar(before)?.id !== id)
    throw new DyncError(
      "unknown-upload",
      "The upload does not lie where it was stored: its metadata were moved or replaced",
    );
  await stage(staged, metadataText, destination, parts);
  const kept = await keep(parts, destination, before);
  const folder = join(root, destination.folder);
  await syncs.sync(folder);
  await moveFile(staged, metadata, clock);
  await syncs.sync(folder);
  return kept;
}

/** Puts what is there under a name that nothing has, and returns that. */
async function keep(parts: PublishParts, destination: Destination, text: string): Promise<string> {
  const { metadata } = finalFiles(parts.root, destination);
  for (let version = 1; version <= versionsMax; version++) {
    const to = `${metadata}.${version}`;
    if (await copyTo(to, metadata, text, destination, parts)) return basename(to);
  }
  throw new DyncError("failed", `There are ${versionsMax} versions of the metadata already`);
}

/** Returns whether it is there now; `false` where something else is. */
async function copyTo(
  to: string,
  from: string,
  text: string,
  { manner }: Destination,
  { hasLinks, mode, clock }: PublishParts,
): Promise<boolean> {
  if (hasLinks && (await linkNew(from, to, clock))) return true;
  // Of an attempt that a crash ended?
  if (isSameFile(await lookAt(from), await lookAt(to)) || (await readText(to)) === text) return true;
  if (hasLinks) return false;
  try {
    await writeNewFile(to, text, mode, (it) => settleFile(it, manner, null));
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}
