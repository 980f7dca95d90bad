// Gives what is published another description: the one before stays beside it, under its name and a number.

import { DyncError } from "../../base/error.ts";
import type { Destination } from "../../upload/destination.ts";
import { metadataSuffix } from "../../upload/names.ts";
import { parseSidecar } from "../../upload/sidecar.ts";
import { type S3Home, soon } from "./home.ts";

// So often nobody changes his mind.
const versionsMax = 10_000;
const type = "application/json";

/** As `Storage.amend`; what was done of it before a crash is done again. */
export async function amendObject(
  { client, keys, names }: S3Home,
  id: string,
  destination: Destination,
  metadataText: string,
): Promise<string> {
  const { metadata } = keys.of(destination);
  const before = (await client.read(metadata, soon))?.bytes;
  if (before === undefined || parseSidecar(before.toString("utf8"))?.id !== id)
    throw new DyncError(
      "unknown-upload",
      "The upload does not lie where it was stored: its metadata were moved or replaced",
    );
  for (let version = 1; version <= versionsMax; version++) {
    const key = `${metadata}.${version}`;
    const there = await client.read(key, soon);
    if (there !== null && !there.bytes.equals(before)) continue;
    if (there === null && !(await client.put(key, [before], { type, isNew: true }, soon))) continue;
    await client.put(metadata, [Buffer.from(metadataText)], { type }, soon);
    const name = `${destination.name}${metadataSuffix}.${version}`;
    names.add({ folder: destination.folder, name });
    return name;
  }
  throw new DyncError("failed", `There are ${versionsMax} versions of the metadata already`);
}
