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
import { flawOf, hashOf, linesOf, type Read } from "../file-reading.ts";
import type { FlawKind, Reading, StoredAs } from "../storage.ts";

const entriesOf = promisify(readdir) as (
  folder: string,
  options: { readonly withFileTypes: true },
) => Promise<Dirent[]>;

const never = new AbortController().signal;

/** A published dataset as something to read, whatever it lies in. Paths are below its folder. */
export interface ReadableDataset {
  /** How many of its files are read at once: more than one where each of them is waited for. */
  readonly readsAtOnce: number;
  /** Lines of the list beside it; `null`: it is not there. */
  list(): Promise<AsyncIterable<string> | null>;
  /** Lines of one of its files, likewise. */
  linesOf(path: string): Promise<AsyncIterable<string> | null>;
  /** Reads one of its files; rejects with the reason of `signal` when that aborts. */
  read(path: string, signal: AbortSignal): Promise<Read>;
  /** Paths of all that is no folder below `inside`, relative to that, in the order of their bytes. */
  paths(inside: string): AsyncGenerator<string>;
  /** Names of what is right in its folder. */
  names(): AsyncIterable<string>;
}

/** One that lies on a disk: its folder `data`, and the list beside it. */
export function datasetOnDisk(
  { data, checksum }: { readonly data: string; readonly checksum: string },
  events: Reading,
): ReadableDataset {
  const ifThere = async (path: string) => ((await lookAt(path)) === null ? null : linesOf(path));
  return {
    readsAtOnce: 1,
    list: () => ifThere(checksum),
    linesOf: (path) => ifThere(join(data, path)),
    read: (path) => hashOf(join(data, path), events),
    paths: (inside) => filesBelow(join(data, inside), "", events),
    names: async function* () {
      for (const { name } of await entriesOf(data, { withFileTypes: true })) yield name;
    },
  };
}

/** Tells what is not as it was stored in the dataset at `destination`, which is there. */
export async function readBackDataset(
  dataset: ReadableDataset,
  destination: Destination,
  stored: StoredAs,
  events: Pick<Reading, "flaw">,
): Promise<void> {
  const isBag = stored.form === "bagit";
  const inside = isBag ? "data/" : "";
  const path = pathOf(destination);
  const flaw = (kind: FlawKind, at: string, reason: string) => events.flaw({ kind, path: path + at, reason });
  if (isBag) await readTagFiles(dataset, (kind, name, reason) => flaw(kind, `/${name}`, reason));
  const own = (kind: FlawKind, name: string, reason: string) => flaw(kind, `/${inside}${name}`, reason);
  const lines = await dataset.list();
  if (lines === null) {
    await flaw("missing", checksumSuffix, "it is not there");
    if ((await listOf(dataset, inside, own)) !== stored.content)
      await flaw("damaged", "", `its files are others, which of them only its ${checksumSuffix} could say`);
    return;
  }
  const files = { dataset, inside, lines: listed(lines, `${destination.name}/${inside}`) };
  const list = await compare(files, own);
  if (list !== stored.content) await flaw("damaged", checksumSuffix, "it lists other files than were stored");
}

type Tell = (kind: FlawKind, name: string, reason: string) => Promise<void>;

/** What is found out of a file, and told when all before it was. */
type Finding = readonly [kind: FlawKind, name: string, reason: string] | null;

/** Reads files of a dataset, several at once where that is faster, and tells what is wrong with them in their order. */
class Reader {
  readonly #dataset: ReadableDataset;
  readonly #tell: Tell;
  readonly #stop = new AbortController();
  /** In their order. */
  readonly #found: Promise<Finding>[] = [];

  constructor(dataset: ReadableDataset, tell: Tell) {
    this.#dataset = dataset;
    this.#tell = tell;
  }

  /** Reads the file at `path`, called `name`, which has to have this checksum. Waits while enough are being read. */
  async read(path: string, name: string, sha256: Buffer): Promise<void> {
    await this.#add(
      this.#dataset.read(path, this.#stop.signal).then((read) => {
        const flaw = flawOf(read, sha256);
        return flaw === null ? null : [flaw.kind, name, flaw.reason];
      }),
    );
  }

  /** Tells that without reading. */
  async note(kind: FlawKind, name: string, reason: string): Promise<void> {
    await this.#add(Promise.resolve([kind, name, reason]));
  }

  async #add(finding: Promise<Finding>): Promise<void> {
    // Who waits for it hears of it.
    finding.catch(() => {});
    this.#found.push(finding);
    while (this.#found.length >= this.#dataset.readsAtOnce) await this.#settleFirst();
  }

  async #settleFirst(): Promise<void> {
    const finding = await this.#found[0];
    this.#found.shift();
    if (finding != null) await this.#tell(...finding);
  }

  /** Resolves when all of it was told. */
  async end(): Promise<void> {
    while (this.#found.length > 0) await this.#settleFirst();
  }

  /** Nothing is read any more when it resolves. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.abort();
    await Promise.allSettled(this.#found);
  }
}

interface Compared {
  readonly dataset: ReadableDataset;
  readonly inside: string;
  readonly lines: AsyncIterable<Listed>;
}

/** Compares the files below `inside` with those that are listed; returns the digest of the list. */
async function compare({ dataset, inside, lines }: Compared, tell: Tell): Promise<string> {
  const digest = createHash("sha256");
  const walk = dataset.paths(inside);
  const next = async () => (await walk.next()).value ?? null;
  await using reader = new Reader(dataset, tell);
  let there = await next();
  for await (const { path, sha256 } of lines) {
    digest.update(listLine(sha256, path));
    for (; there !== null && isBefore(there, path); there = await next())
      await reader.note("extra", there, "it was not stored");
    if (there !== path) {
      await reader.note("missing", path, "it is not there");
      continue;
    }
    there = await next();
    await reader.read(inside + path, path, sha256);
  }
  for (; there !== null; there = await next()) await reader.note("extra", there, "it was not stored");
  await reader.end();
  return digest.digest("hex");
}

/** The digest of the list that the files below `inside` have. */
async function listOf(dataset: ReadableDataset, inside: string, tell: Tell): Promise<string> {
  const digest = createHash("sha256");
  for await (const path of dataset.paths(inside)) {
    const found = await dataset.read(inside + path, never);
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
async function* listed(lines: AsyncIterable<string>, prefix: string): AsyncGenerator<Listed> {
  for await (const line of lines) {
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
async function readTagFiles(bag: ReadableDataset, tell: Tell): Promise<void> {
  const known = new Set(["data", tagManifest]);
  const lines = await bag.linesOf(tagManifest);
  if (lines === null) await tell("missing", tagManifest, "it is not there");
  else
    for await (const { path, sha256 } of listed(lines, "")) {
      known.add(path);
      const flaw = flawOf(await bag.read(path, never), sha256);
      if (flaw !== null) await tell(flaw.kind, path, flaw.reason);
    }
  if (known.size === 2) return;
  for await (const name of bag.names()) if (!known.has(name)) await tell("extra", name, "it was not stored");
}
