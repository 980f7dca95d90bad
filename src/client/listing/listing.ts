// What of a folder becomes a dataset: taken once, in compact memory (the virtual tar's, and 24 bytes each), with everything found
// that would make it impossible to store. Of the same files it is the same another time: by its digest a later process knows.

import { createHash, type Hash } from "node:crypto";
import { accessSync, type BigIntStats, closeSync, constants, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { DyncError, SeveralErrors } from "../../base/error.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { timestampOf } from "../../base/timestamp.ts";
import { Turns } from "../../base/turns.ts";
import { VirtualTar } from "../../tar/virtual-tar.ts";
import { openFlags } from "../open-file.ts";
import { errorOf, FirstOf } from "./first-of.ts";
import { LeftOut } from "./left-out.ts";
import { fileText, folderText, type ListingMark } from "./listing-mark.ts";
import { clashesIn, type NameFault, nameFaultText, ownFault, unfitForBags } from "./name-faults.ts";
import type { Selection } from "./selection.ts";
import { type EntryVersion, entryVersionOf, isExecutable, Versions } from "./versions.ts";
import { type Found, type FoundItem, walk } from "./walk.ts";

const stepsPerTurn = 1000;

/** One folder's listing: what `listFolder` found, and what is to be told of it. */
export class Listing {
  readonly tar = new VirtualTar();
  readonly versions = new Versions();
  /** Regular files, and bytes in them. */
  files = 0;
  bytes = 0;
  /** Whether all files lie on the file system of the first. */
  isOnOneDevice = true;
  readonly leftOut: LeftOut;
  readonly folder: string;
  readonly #hash: Hash = createHash("sha256");
  readonly #folderTimes: bigint[] = [];
  readonly #refused = new FirstOf<DyncError>();
  readonly #unreadable = new FirstOf<DyncError>();
  #modified: bigint | null = null;
  #device: bigint | null = null;
  #digest: string | null = null;

  constructor(folder: string, selection: Selection) {
    this.folder = folder;
    this.leftOut = new LeftOut(folder, selection);
  }

  /** When the file that was modified last was (RFC 3339), `null` without any. */
  get modified(): string | null {
    return this.#modified === null ? null : timestampOf(this.#modified);
  }

  get mark(): ListingMark {
    this.#digest ??= this.#hash.digest("hex");
    const times = BigInt64Array.from(this.#folderTimes);
    const folderTimes = Buffer.from(times.buffer).toString("base64");
    return { digest: this.#digest, folderTimes, size: this.tar.length };
  }

  /** Where the member with this `path` is, as people read it. */
  at(path: string): string {
    return join(this.folder, path);
  }

  /** Notes what a walk found; `folderTime` goes into the tar in place of a folder's own. */
  note(found: Found, folderTime: bigint | undefined): void {
    switch (found.type) {
      case "junk":
      case "left-out":
        return this.leftOut.note(found);
      case "unreadable":
        return this.#unreadable.add(found.error);
      case "file":
        return this.#noteFile(found);
      case "folder":
        return this.#noteFolder(found, folderTime);
    }
  }

  #noteFile(found: FoundItem): void {
    const { path, stats } = found;
    const version = entryVersionOf(stats);
    const size = Number(stats.size);
    const executable = isExecutable(stats);
    const { modified } = version;
    this.#hash.update(fileText(path, { ...version, size, executable }));
    this.files += 1;
    this.bytes += size;
    this.#device ??= stats.dev;
    if (stats.dev !== this.#device) this.isOnOneDevice = false;
    if (this.#modified === null || modified > this.#modified) this.#modified = modified;
    this.#append(found, version, { size, executable });
    const fault = readingFault(this.at(path), stats);
    if (fault !== null) this.#unreadable.add(fault);
  }

  #noteFolder(found: FoundItem, folderTime: bigint | undefined): void {
    const version = entryVersionOf(found.stats);
    const modified = folderTime ?? version.modified;
    this.#hash.update(folderText(found.path));
    this.#folderTimes.push(modified);
    this.#append(found, { ...version, modified }, { size: 0, executable: false });
  }

  #append(
    { type, path }: FoundItem,
    version: EntryVersion,
    properties: { readonly size: number; readonly executable: boolean },
  ): void {
    const fault = ownFault(path);
    if (fault !== null) return this.#refuse({ path, fault });
    this.tar.append({ path, type, modified: timestampOf(version.modified), ...properties });
    this.versions.push(version);
  }

  #refuse({ path, fault }: NameFault): void {
    this.#refused.add(new DyncError("usage", nameFaultText(this.at(path), fault)));
  }

  /** Throws `DyncError` with everything in which this cannot be a dataset. */
  async check(signal: AbortSignal): Promise<void> {
    for await (const clash of clashesIn(this.tar, new Turns(stepsPerTurn, signal))) this.#refuse(clash);
    const { folder } = this;
    const errors = [
      errorOf(
        this.#unreadable,
        (count) =>
          new DyncError("source", `${count} paths in "${folder}" cannot be read`, {
            hint: "make them readable, or leave them out with --exclude; nothing was sent",
          }),
      ),
      this.leftOut.fault,
      namesError(this.#refused, folder),
    ].filter((error) => error !== null);
    // What renaming mends comes last, and counts.
    const last = errors.at(-1);
    if (last !== undefined && errors.length > 1) throw new SeveralErrors(errors, last);
    if (last !== undefined) throw last;
    if (this.tar.count > 0) return;
    throw new DyncError("source", `There is nothing to send in "${folder}"`, {
      hint: "is it the right folder? Patterns of --include and --exclude are listed by --help",
    });
  }

  /** Why no bag can be made of it, `null` when one can. */
  bagFault(): DyncError | null {
    const unfit = new FirstOf<DyncError>();
    for (const { path, fault } of unfitForBags(this.tar)) {
      const text = `"${this.at(path)}" cannot be in a bag, which the server makes: it ${fault}`;
      unfit.add(new DyncError("usage", text));
    }
    return namesError(unfit, this.folder);
  }
}

export interface ListingRequest {
  readonly folder: string;
  readonly selection: Selection;
  /** What an earlier process wrote down of it; where the files are the same, the listing has the same tar. */
  readonly known: ListingMark | null;
  /** Which files and folders are meant; all unless it is given. */
  readonly isMeant?: (found: FoundItem) => boolean;
}

/**
 * Lists a folder. Throws `DyncError`: "source" for what cannot be read, "usage" for names that cannot be sent, all of them
 * at once; and the reason of `signal` when that aborts.
 */
export async function listFolder(request: ListingRequest, signal: AbortSignal): Promise<Listing> {
  const { folder, selection, known, isMeant = () => true } = request;
  const listing = new Listing(folder, selection);
  const times = known === null ? null : timesIn(known);
  for await (const piece of walk(folder, selection, signal)) {
    for (const found of piece) {
      if ((found.type === "file" || found.type === "folder") && !isMeant(found)) continue;
      listing.note(found, found.type === "folder" ? times?.[found.folderNumber] : undefined);
    }
  }
  if (known !== null && listing.mark.digest !== known.digest)
    return await listFolder({ ...request, known: null }, signal);
  await listing.check(signal);
  return listing;
}

function timesIn({ folderTimes }: ListingMark): BigInt64Array {
  const bytes = Uint8Array.from(Buffer.from(folderTimes, "base64"));
  return new BigInt64Array(bytes.buffer, 0, Math.floor(bytes.length / 8));
}

/** What would else be found out when all before it is sent: that it may not be read, or is longer than the system tells. */
function readingFault(path: string, { mode, size }: BigIntStats): DyncError | null {
  const system = systemPathBytes(path);
  try {
    if ((mode & 0o444n) !== 0o444n) accessSync(system, constants.R_OK);
    if (size > 0n || !hasContent(system)) return null;
    return new DyncError("source", `"${path}" has content, and no size that the system tells`);
  } catch (error) {
    return new DyncError("source", `Cannot read "${path}": ${whyUnreadable(error)}`, { cause: error });
  }
}

function hasContent(path: string | Buffer): boolean {
  const descriptor = openSync(path, openFlags);
  try {
    return readSync(descriptor, new Uint8Array(1)) > 0;
  } finally {
    closeSync(descriptor);
  }
}

function namesError(refused: FirstOf<DyncError>, folder: string): DyncError | null {
  const hint = "rename them, or leave them out with --exclude; nothing was sent";
  return errorOf(refused, (count) => {
    return new DyncError("usage", `${count} names in "${folder}" cannot be sent`, { hint });
  });
}
