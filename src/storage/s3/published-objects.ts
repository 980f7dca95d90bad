// Walks through everything that was published in the object store, by the metadata beside each object: for making a lost catalogue anew.

import type { Logger } from "../../base/log.ts";
import { type Destination, destinationAt, destinationOf, pathOf } from "../../upload/destination.ts";
import { metadataSuffix } from "../../upload/names.ts";
import { parseSidecar } from "../../upload/sidecar.ts";
import type { CompleteUpload } from "../../upload/upload.ts";
import { type S3Home, soon } from "./home.ts";
import { isOf } from "./publish-object.ts";

/** What was published below the prefix, in no order. What something else put there is passed over. */
export async function* publishedObjects(
  home: Pick<S3Home, "client" | "keys">,
  log: Logger,
): AsyncGenerator<CompleteUpload> {
  const { client, keys } = home;
  for await (const { key } of client.list(keys.prefix, soon)) {
    if (!key.endsWith(metadataSuffix) || keys.isHidden(key)) continue;
    const there = destinationAt(key.slice(keys.prefix.length, -metadataSuffix.length));
    const upload = there === null ? null : await publishedBy(home, there, log);
    if (upload !== null) yield upload;
  }
}

async function publishedBy(
  { client, keys }: Pick<S3Home, "client" | "keys">,
  destination: Destination,
  log: Logger,
): Promise<CompleteUpload | null> {
  const { content, metadata } = keys.of(destination);
  const upload = parseSidecar((await client.read(metadata, soon))?.bytes.toString("utf8") ?? "");
  if (upload === null || pathOf(destinationOf(upload)) !== pathOf(destination)) return null;
  const there = await client.head(content, soon);
  if (there !== null && isOf(upload.id, there)) return upload;
  log.log("warn", "There are metadata in the object store without what they are of", { key: metadata });
  return null;
}
