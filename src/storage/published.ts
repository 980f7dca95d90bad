// Walks through everything that was published in a data folder, by the metadata beside each file: for making a
// lost catalogue anew. Reads only.

import type { Stats } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { metadataSuffix } from "../upload/names.ts";
import { parseSidecar } from "../upload/sidecar.ts";
import type { CompleteUpload } from "../upload/upload.ts";
import { readText } from "./durable-files.ts";
import { lookAt } from "./file-calls.ts";

/** What was published in `dataFolder`, in no order. Files that something else put there are passed over. */
export async function* publishedFiles(dataFolder: string, log: Logger): AsyncGenerator<CompleteUpload> {
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

async function* publishedBy(user: string, folder: string): AsyncGenerator<CompleteUpload> {
  for await (const { name } of await opendir(folder)) {
    if (!name.endsWith(metadataSuffix)) continue;
    const upload = parseSidecar((await readText(join(folder, name))) ?? "");
    if (upload === null) continue;
    const dataName = name.slice(0, -metadataSuffix.length);
    // Without its data the publishing did not come to its end; under another name it is somebody's copy.
    if (upload.user !== user || upload.name !== dataName) continue;
    if (isDataOf(await lookAt(join(folder, dataName)), upload)) yield upload;
  }
}

/** Whether what has these properties can be what was published of `upload`: the folder of a dataset, or a file as long as it was. */
export function isDataOf(
  properties: Stats | null,
  { contents, size }: Pick<CompleteUpload, "contents" | "size">,
): boolean {
  if (contents !== null) return properties?.isDirectory() === true;
  return properties?.isFile() === true && properties.size === size;
}
