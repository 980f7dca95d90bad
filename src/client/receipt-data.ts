// Whether data that lie here are those that a receipt is for: a file, a dataset's folder, or the tar by which that came.

import { stat } from "node:fs/promises";
import { DyncError, messageOf } from "../base/error.ts";
import { systemPathBytes } from "../base/system-path.ts";
import type { Statement } from "../receipts/statement.ts";
import { contentOf } from "./check.ts";
import { type DatasetParts, openDataset } from "./dataset/dataset-source.ts";
import { openFileSource } from "./file-source.ts";
import type { Source } from "./source.ts";

/**
 * Compares `path` with what the receipt says, which is read for that. Rejects with `DyncError`: "checksum-mismatch" where they are others,
 * "source" where they cannot be read.
 */
export async function expectData(
  path: string,
  statement: Statement,
  parts: DatasetParts,
  signal: AbortSignal,
): Promise<void> {
  const isFolder = await lookAt(path);
  if (isFolder && statement.files === undefined)
    throw others(path, "it is a folder, and the receipt is for a file");
  const source = isFolder
    ? await openDataset({ kind: "dataset", path, selection: everything }, null, parts, signal)
    : await openFileSource(path);
  try {
    const fault = await dataFault(source, statement, signal);
    if (fault !== null) throw others(path, fault);
  } finally {
    await source.close();
  }
}

// As a dataset is sent unless somebody says otherwise.
const everything = { include: [], exclude: [], links: "skip", all: false } as const;

async function dataFault(
  source: Source,
  { size, sha256, files }: Statement,
  signal: AbortSignal,
): Promise<string | null> {
  const isFile = source.listDigest === undefined;
  // What has another size need not be read.
  if (isFile && source.size !== size) return `it has ${source.size} bytes, and the receipt is for ${size}`;
  const content = await contentOf(source, { onRead: () => {} }, signal);
  if (content.kind === "dataset")
    return content.files === files
      ? null
      : `the list of its files has the SHA-256 ${content.files}, and the receipt is for ${files}`;
  return content.sha256 === sha256
    ? null
    : `its SHA-256 is ${content.sha256}, and the receipt is for ${sha256}`;
}

async function lookAt(path: string): Promise<boolean> {
  try {
    return (await stat(systemPathBytes(path))).isDirectory();
  } catch (cause) {
    throw new DyncError("source", `Cannot read "${path}": ${messageOf(cause)}`, { cause });
  }
}

function others(path: string, why: string): DyncError {
  return new DyncError("checksum-mismatch", `"${path}" is not what was stored: ${why}`);
}
