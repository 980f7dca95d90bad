// What was published in the object store, by the metadata beside each object: at one place, and all of it, for making a lost catalogue anew.

import type { Logger } from "../../base/log.ts";
import { type Destination, destinationAt, destinationOf, pathOf } from "../../upload/destination.ts";
import { metadataSuffix } from "../../upload/names.ts";
import { parseSidecar } from "../../upload/sidecar.ts";
import type { CompleteUpload } from "../../upload/upload.ts";
import type { Published } from "../storage.ts";
import type { ObjectFacts } from "./client/s3-client.ts";
import { type S3Home, soon } from "./home.ts";
import { isOf } from "./publish-object.ts";

/** What was published below the prefix, in no order. What something else put there is passed over. */
export async function* publishedObjects(
  home: Pick<S3Home, "client" | "keys">,
  log: Logger,
): AsyncGenerator<CompleteUpload> {
  const { client, keys } = home;
  const datasets = new DatasetRoots();
  for await (const { key } of client.list(keys.prefix, soon)) {
    // What describes a dataset has a key before those of its members.
    if (!key.endsWith(metadataSuffix) || keys.isHidden(key) || datasets.has(key)) continue;
    const there = destinationAt(key.slice(keys.prefix.length, -metadataSuffix.length));
    const upload = there === null ? null : await publishedBy(home, there, log);
    if (upload === null) continue;
    if (upload.contents !== null) datasets.add(key.slice(0, -metadataSuffix.length));
    yield upload;
  }
}

/** Datasets that were found, for leaving out what is in them: any file may be there. */
export class DatasetRoots {
  readonly #roots = new Set<string>();

  add(root: string): void {
    this.#roots.add(root);
  }

  /** Whether `key` is in one of them. */
  has(key: string): boolean {
    for (let at = key.indexOf("/"); at >= 0; at = key.indexOf("/", at + 1))
      if (this.#roots.has(key.slice(0, at))) return true;
    return false;
  }
}

/** The text at `key`, or `null`: it describes nothing. Members of datasets say whose they are, descriptions do not. */
export async function sidecarAt({ client }: Pick<S3Home, "client">, key: string): Promise<string | null> {
  const found = await client.read(key, soon);
  if (found === null || found.facts.about["dync-upload"] !== undefined) return null;
  return found.bytes.toString("utf8");
}

/** Whether it was brought back by something that keeps what is in objects, and not what is said of them. */
function isCopyOf({ size }: CompleteUpload, there: ObjectFacts): boolean {
  return there.about["dync-upload"] === undefined && there.size === size;
}

async function publishedBy(
  home: Pick<S3Home, "client" | "keys">,
  destination: Destination,
  log: Logger,
): Promise<CompleteUpload | null> {
  const { client, keys } = home;
  const { content, metadata } = keys.of(destination);
  const upload = parseSidecar((await sidecarAt(home, metadata)) ?? "");
  if (upload === null || pathOf(destinationOf(upload)) !== pathOf(destination)) return null;
  // Of a dataset it comes last.
  if (upload.contents !== null) return upload;
  const there = await client.head(content, soon);
  if (there !== null && (isOf(upload.id, there) || isCopyOf(upload, there))) return upload;
  log.log("warn", "There are metadata in the object store without what they are of", { key: metadata });
  return null;
}

/**
 * What was published at `destination`, where what lies beside it says so: a file of `size` bytes, or, where there is none (`null`), a dataset,
 * of which that comes last.
 */
export function publishedAs(
  destination: Destination,
  size: number | null,
  sidecar: Buffer | undefined,
): Published | null {
  const upload = sidecar === undefined ? null : parseSidecar(sidecar.toString("utf8"));
  if (upload === null || pathOf(destinationOf(upload)) !== pathOf(destination)) return null;
  const isIt = size === null ? upload.contents !== null : upload.contents === null && upload.size === size;
  return isIt ? upload : null;
}
