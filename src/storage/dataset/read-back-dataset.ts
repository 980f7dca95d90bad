// Reads again the files of a published dataset. Their list and the folder have one order, that of the bytes of their paths, so both
// are gone through side by side, and neither is held as a whole.

import { createHash } from "node:crypto";
import { type Dirent, readdir } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemCode } from "../../base/error.ts";
import { listLine } from "../../tar/file-list.ts";
import { type Destination, pathOf } from "../../upload/destination.ts";
import { checksumSuffix } from "../../upload/names.ts";
import { parseChecksum } from "../../upload/sidecar.ts";
import { lookAt } from "../file-calls.ts";
import { flawOf, hashOf, linesOf } from "../file-reading.ts";
import type { FlawKind, Reading, StoredAs } from "../storage.ts";

const entriesOf = promisify(readdir) as (
  folder: string,
  options: { readonly withFileTypes: true },
) => Promise<Dirent[]>;

interface Files {
  /** Its folder, */
  readonly data: string;
  /** and the list beside it. */
  readonly checksum: string;
}

/** Tells what is not as it was stored in the dataset at `destination`, whose folder is there. */
export async function readBackDataset(
  files: Files,
  destination: Destination,
  stored: StoredAs,
  events: Reading,
): Promise<void> {
  const isBag = stored.form === "bagit";
  const inside = isBag ? "data/" : "";
  const content = isBag ? join(files.data, "data") : files.data;
  const path = pathOf(destination);
  const flaw = (kind: FlawKind, at: string, reason: string) => events.flaw({ kind, path: path + at, reason });
  if (isBag) await readTagFiles(files.data, (kind, name, reason) => flaw(kind, `/${name}`, reason), events);
  const own = (kind: FlawKind, name: string, reason: string) => flaw(kind, `/${inside}${name}`, reason);
  if ((await lookAt(files.checksum)) === null) {
    await flaw("missing", checksumSuffix, "it is not there");
    if ((await listOf(content, own, events)) !== stored.content)
      await flaw("damaged", "", `its files are others, which of them only its ${checksumSuffix} could say`);
    return;
  }
  const list = await compare(content, listed(files.checksum, `${destination.name}/${inside}`), own, events);
  if (list !== stored.content) await flaw("damaged", checksumSuffix, "it lists other files than were stored");
}

type Tell = (kind: FlawKind, name: string, reason: string) => Promise<void>;

/** Compares the files in `folder` with those that are listed; returns the digest of the list. */
async function compare(
  folder: string,
  list: AsyncIterable<Listed>,
  tell: Tell,
  events: Reading,
): Promise<string> {
  const digest = createHash("sha256");
  const walk = filesBelow(folder, "", events);
  const next = async () => (await walk.next()).value ?? null;
  let there = await next();
  for await (const { path, sha256 } of list) {
    digest.update(listLine(sha256, path));
    for (; there !== null && isBefore(there, path); there = await next())
      await tell("extra", there, "it was not stored");
    if (there !== path) {
      await tell("missing", path, "it is not there");
      continue;
    }
    there = await next();
    await compareOne(folder, { path, sha256 }, tell, events);
  }
  for (; there !== null; there = await next()) await tell("extra", there, "it was not stored");
  return digest.digest("hex");
}

/** Compares one file in `folder` with what is listed of it. */
async function compareOne(
  folder: string,
  { path, sha256 }: Listed,
  tell: Tell,
  events: Reading,
): Promise<void> {
  const flaw = flawOf(await hashOf(join(folder, path), events), sha256);
  if (flaw !== null) await tell(flaw.kind, path, flaw.reason);
}

/** The digest of the list that the files in `folder` have. */
async function listOf(folder: string, tell: Tell, events: Reading): Promise<string> {
  const digest = createHash("sha256");
  for await (const path of filesBelow(folder, "", events)) {
    const found = await hashOf(join(folder, path), events);
    if (found !== null && "reason" in found) await tell("damaged", path, found.reason);
    else if (found !== null) digest.update(listLine(found.sha256, path));
  }
  return digest.digest("hex");
}

interface Listed {
  readonly path: string;
  readonly sha256: Buffer;
}

/** The files of a list whose paths begin with `prefix`; ends at a line that is none of a list. */
async function* listed(file: string, prefix: string): AsyncGenerator<Listed> {
  for await (const line of linesOf(file)) {
    const read = parseChecksum(line);
    if (read === null || !read.path.startsWith(prefix)) return;
    yield { path: read.path.slice(prefix.length), sha256: Buffer.from(read.sha256, "hex") };
  }
}

/** Paths of all that is no folder in `folder`, relative to it, in the order of their bytes. */
async function* filesBelow(folder: string, prefix: string, events: Reading): AsyncGenerator<string> {
  await events.pace(0);
  const entries = await entriesOf(folder, { withFileTypes: true }).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  });
  // What is in a folder comes where its name with a "/" comes.
  const keys = entries.map((it) => (it.isDirectory() ? `${it.name}/` : it.name));
  for (const key of keys.toSorted((a, b) => (isBefore(a, b) ? -1 : 1))) {
    if (key.endsWith("/")) yield* filesBelow(join(folder, key), prefix + key, events);
    else yield prefix + key;
  }
}

function isBefore(a: string, b: string): boolean {
  return Buffer.compare(Buffer.from(a), Buffer.from(b)) < 0;
}

const tagManifest = "tagmanifest-sha256.txt";

/** What describes a bag, besides its files. */
async function readTagFiles(bag: string, tell: Tell, events: Reading): Promise<void> {
  const known = new Set(["data", tagManifest]);
  if ((await lookAt(join(bag, tagManifest))) === null) await tell("missing", tagManifest, "it is not there");
  else
    for await (const { path, sha256 } of listed(join(bag, tagManifest), "")) {
      known.add(path);
      await compareOne(bag, { path, sha256 }, tell, events);
    }
  if (known.size === 2) return;
  for (const { name } of await entriesOf(bag, { withFileTypes: true }))
    if (!known.has(name)) await tell("extra", name, "it was not stored");
}
