// Walks through everything that was published in a data folder, by the metadata beside each file: for making a
// lost catalogue anew. Reads only.

import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { metadataSuffix } from "./destination.ts";
import { lookAt, readText } from "./durable-files.ts";
import { type Origin, parseSidecar } from "./sidecar.ts";

export interface PublishedOrigin extends Origin {
  /** The client's metadata as JSON text. */
  readonly metadataText: string;
}

/** What was published in `dataFolder`, in no order. Files that something else put there are passed over. */
export async function* publishedFiles(dataFolder: string, log: Logger): AsyncGenerator<PublishedOrigin> {
  for await (const entry of await opendir(dataFolder)) {
    if (entry.name.startsWith(".") || !entry.isDirectory()) continue;
    const folder = join(dataFolder, entry.name);
    try {
      yield* publishedBy(entry.name, folder);
    } catch (error) {
      log.log("warn", "A user's folder cannot be read", { folder, reason: messageOf(error) });
    }
  }
}

async function* publishedBy(user: string, folder: string): AsyncGenerator<PublishedOrigin> {
  for await (const { name } of await opendir(folder)) {
    if (!name.endsWith(metadataSuffix)) continue;
    const sidecar = parseSidecar((await readText(join(folder, name))) ?? "");
    if (sidecar === null) continue;
    const { origin, metadataText } = sidecar;
    const dataName = name.slice(0, -metadataSuffix.length);
    // Without its data the publishing did not come to its end; under another name it is somebody's copy.
    if (origin.user !== user || origin.name !== dataName) continue;
    if ((await lookAt(join(folder, dataName)))?.size !== origin.size) continue;
    yield { ...origin, metadataText };
  }
}
