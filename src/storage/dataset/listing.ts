// What is said of all files of a whole dataset: their list, by which two are told to be the same, and the texts that
// `sha256sum -c` and programs that check bags read. Made file by file: a list may be longer than memory.

import { createHash } from "node:crypto";
import type { Turns } from "../../base/turns.ts";
import { listLine } from "../../tar/file-list.ts";
import { bagPath } from "../../upload/bag.ts";
import { checksumText } from "../../upload/sidecar.ts";
import type { Contents, Layout } from "../../upload/upload.ts";
import { closeFile, fsync, openFile, overwriting, writeAll } from "../file-calls.ts";
import type { IndexedFile } from "./member-index.ts";
import type { MemberPages, WholeDataset } from "./whole-dataset.ts";

const pieceChars = 64 * 1024;
const mode = 0o666;

/** What is in the dataset whose files `index` has. */
export async function contentsOf(index: MemberPages, layout: Layout, turns: Turns): Promise<Contents> {
  const list = createHash("sha256");
  let files = 0;
  for await (const { path, sha256 } of filesOf(index, turns)) {
    list.update(listLine(sha256, path));
    files++;
  }
  return { layout, files, list: list.digest("hex") };
}

/** Bytes of all files together. */
export async function bytesOf(index: MemberPages, turns: Turns): Promise<number> {
  let bytes = 0;
  for await (const { size } of filesOf(index, turns)) bytes += size;
  return bytes;
}

/** The lines of `D.sha256`, which lies beside the folder `name`. */
export function checksumLine(name: string, layout: Layout): (file: IndexedFile) => string {
  const folder = layout === "bagit" ? `${name}/data` : name;
  return ({ path, sha256 }) => checksumText(hexOf(sha256), `${folder}/${path}`);
}

/** The lines of `manifest-sha256.txt` in a bag. */
export function manifestLine({ path, sha256 }: IndexedFile): string {
  return `${hexOf(sha256)}  ${bagPath(`data/${path}`)}\n`;
}

/** Writes a line for each file to `path`, over what is there; resolves to the SHA-256 (hex) of all of it. */
export async function writeLines(
  path: string,
  { index, syncsEach }: Pick<WholeDataset, "index" | "syncsEach">,
  lineOf: (file: IndexedFile) => string,
  turns: Turns,
): Promise<string> {
  const descriptor = await openFile(path, overwriting, mode);
  const hash = createHash("sha256");
  try {
    for await (const bytes of linesOf(index, lineOf, turns)) {
      hash.update(bytes);
      await writeAll(descriptor, bytes);
    }
    if (syncsEach) await fsync(descriptor);
  } finally {
    await closeFile(descriptor);
  }
  return hash.digest("hex");
}

/** The lines of all files, some at a time. */
export async function* linesOf(
  index: MemberPages,
  lineOf: (file: IndexedFile) => string,
  turns: Turns,
): AsyncGenerator<Buffer> {
  let piece = "";
  for await (const file of filesOf(index, turns)) {
    piece += lineOf(file);
    if (piece.length < pieceChars) continue;
    yield Buffer.from(piece);
    piece = "";
  }
  yield Buffer.from(piece);
}

/** All files, in the order of the bytes of their paths. */
export async function* filesOf(index: MemberPages, turns: Turns): AsyncGenerator<IndexedFile> {
  for (let after = ""; ; ) {
    const page = await index.files(after);
    yield* page;
    const last = page.at(-1);
    if (last === undefined) return;
    after = last.path;
    await turns.step();
  }
}

function hexOf(sha256: Uint8Array): string {
  return Buffer.from(sha256.buffer, sha256.byteOffset, sha256.length).toString("hex");
}
