// Walks through everything that was published in a data folder, by the metadata beside each file: for making a
// lost catalogue anew. Reads only.

import type { Stats } from "node:fs";
import { opendir } from "node:fs/promises";
import { join } from "node:path";
import { messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import { type Destination, destinationOf, pathOf } from "../upload/destination.ts";
import { metadataSuffix } from "../upload/names.ts";
import { parseSidecar } from "../upload/sidecar.ts";
import type { CompleteUpload } from "../upload/upload.ts";
import { readText } from "./durable-files.ts";
import { lookAt } from "./file-calls.ts";
import { finalFiles } from "./publish.ts";

/** What was published in `dataFolder`, in no order. Files that something else put there are passed over. */
export async function* publishedFiles(dataFolder: string, log: Logger): AsyncGenerator<CompleteUpload> {
  for await (const entry of await opendir(dataFolder))
    if (!isHidden(entry.name) && entry.isDirectory()) yield* publishedIn(dataFolder, entry.name, log);
}

async function* publishedIn(root: string, folder: string, log: Logger): AsyncGenerator<CompleteUpload> {
  try {
    for await (const entry of await opendir(join(root, folder))) {
      const upload = await publishedBy({ folder, name: entry.name }, root);
      if (upload !== null) yield upload;
      const isFolder = !isHidden(entry.name) && entry.isDirectory();
      if (isFolder && !(await isDataset({ folder, name: entry.name }, root)))
        yield* publishedIn(root, `${folder}/${entry.name}`, log);
    }
  } catch (error) {
    log.log("warn", "A folder of published files cannot be read", { folder, reason: messageOf(error) });
  }
}

/** What the metadata at `metadata` are of. */
async function publishedBy({ folder, name }: Destination, root: string): Promise<CompleteUpload | null> {
  if (!name.endsWith(metadataSuffix)) return null;
  const upload = parseSidecar((await readText(join(root, folder, name))) ?? "");
  if (upload === null) return null;
  const there = { folder, name: name.slice(0, -metadataSuffix.length) };
  // Without its data the publishing did not come to its end; under another name it is somebody's copy.
  if (pathOf(destinationOf(upload)) !== pathOf(there)) return null;
  return isDataOf(await lookAt(finalFiles(root, destinationOf(upload)).content), upload) ? upload : null;
}

// What is in one was published with it.
async function isDataset(destination: Destination, root: string): Promise<boolean> {
  return (await lookAt(finalFiles(root, destination).metadata)) !== null;
}

function isHidden(name: string): boolean {
  return name.startsWith(".");
}

/** Whether what has these properties can be what was published of `upload`: the folder of a dataset, or a file as long as it was. */
export function isDataOf(
  properties: Stats | null,
  { contents, size }: Pick<CompleteUpload, "contents" | "size">,
): boolean {
  if (contents !== null) return properties?.isDirectory() === true;
  return properties?.isFile() === true && properties.size === size;
}
