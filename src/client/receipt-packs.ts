// Files that hold many receipts of a month, which came one after the other, one a line: `receipts/YYYY-MM/several/FROM-TO-ID.jws`. A file
// is written once, whole, with one sync for all that is in it, and never changed. Its name says from when to when they are, so that one
// that came before is found again without reading all.

import { randomBytes } from "node:crypto";
import { mkdirSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { dropOldest } from "../base/drop-oldest.ts";
import { systemCode } from "../base/error.ts";
import { sha256Hex } from "../base/sha256-hex.ts";
import { syncFolder, writeWhole } from "../base/write-whole.ts";
import { readCompact } from "../receipts/compact-jws.ts";
import { readStatement, type Statement } from "../receipts/statement.ts";

/** A receipt with its name, which it has in no other month. */
export interface NamedReceipt {
  /** By when it was received, then by its upload. */
  readonly name: string;
  /** Without the line's end. */
  readonly jws: string;
}

/** So many are in one file at most: what is read to look for one. */
export const packMax = 256;

const folderName = "several";
const fileForm = /^(\d{8}T\d{6}Z)-(\d{8}T\d{6}Z)-[0-9a-f]{16}\.jws$/;
const nameForm = /^(\d{8}T\d{6}Z)-([0-9a-f]{32}|x[0-9a-f]{32})$/;
// Those that follow each other are mostly in the same file.
const filesHeldMax = 4;

// Other servers' ids may be anything.
export function nameOf({ received, upload }: Pick<Statement, "received" | "upload">): string {
  const at = received.replace(/[-:]|\.\d+/g, "");
  const id = /^[0-9a-f]{32}$/.test(upload) ? upload : `x${sha256Hex(upload).slice(0, 32)}`;
  return `${at}-${id}`;
}

/** The upload's part of a name; empty where it is none. */
export function idIn(name: string): string {
  return nameForm.exec(name)?.[2] ?? "";
}

/** When the receipt of that name was received, as names have it. */
function timeIn(name: string): string {
  return name.slice(0, name.indexOf("-"));
}

export class ReceiptPacks {
  readonly #folder: string;
  /** The files that were there when they were first looked at. */
  #known: Promise<readonly Pack[]> | null = null;
  /** Those that were written since. */
  readonly #written: Pack[] = [];
  readonly #held = new Map<string, Promise<readonly NamedReceipt[]>>();

  /** `month` is the folder of the month. */
  constructor(month: string) {
    this.#folder = join(month, folderName);
  }

  /** The receipt of that name, `null` where no file has it. Throws what the system says. */
  async find(name: string): Promise<string | null> {
    const at = timeIn(name);
    const packs = await this.#packs();
    // What has only just been received cannot be in what was written here before.
    const isFresh = this.#written.length > 0 && at >= this.#written.at(-1)!.from;
    for (const { file, from, to } of isFresh ? packs : [...packs, ...this.#written]) {
      if (at < from || at > to) continue;
      const found = (await this.#read(file)).find((it) => it.name === name);
      if (found !== undefined) return found.jws;
    }
    return null;
  }

  /** Writes a file with all of them, at least one and at most `packMax`, and makes it durable. Throws what the system says. */
  async write(receipts: readonly NamedReceipt[]): Promise<void> {
    const sorted = receipts.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const [from = "", to = ""] = [sorted[0], sorted.at(-1)].map((it) => timeIn(it?.name ?? ""));
    const file = `${from}-${to}-${randomBytes(8).toString("hex")}.jws`;
    await makeFolder(this.#folder);
    const text = sorted.map(({ jws }) => `${jws}\n`).join("");
    await writeWhole(join(this.#folder, file), text, { isDurable: true });
    this.#written.push({ file, from, to });
    await syncFolder(this.#folder);
  }

  /** Each file, the oldest first: when its first receipt was received, and all of them with their lines. Throws what the system says. */
  async *all(): AsyncGenerator<PackFile> {
    for (const { file, from } of await this.#packs())
      yield { from, file: join(this.#folder, file), receipts: await this.#read(file) };
  }

  #packs(): Promise<readonly Pack[]> {
    this.#known ??= packsIn(this.#folder);
    return this.#known;
  }

  #read(file: string): Promise<readonly NamedReceipt[]> {
    const held = this.#held.get(file) ?? readPack(join(this.#folder, file));
    this.#held.delete(file);
    this.#held.set(file, held);
    dropOldest(this.#held, filesHeldMax);
    return held;
  }
}

interface Pack {
  readonly file: string;
  readonly from: string;
  readonly to: string;
}

/** Sorted by the time of the first receipt. Throws what the system says. */
async function packsIn(folder: string): Promise<readonly Pack[]> {
  return (await namesIn(folder, fileForm)).map((file) => {
    const [, from = "", to = ""] = fileForm.exec(file) ?? [];
    return { file, from, to };
  });
}

export interface PackFile {
  readonly from: string;
  readonly file: string;
  readonly receipts: readonly NamedReceipt[];
}

/** All lines of a file; the name of one that is no receipt is empty. Throws what the system says. */
async function readPack(file: string): Promise<readonly NamedReceipt[]> {
  const lines = (await readFile(file, "latin1")).replace(/\r?\n$/, "").split(/\r?\n/);
  return lines.map((jws) => {
    const statement = readStatement(readCompact(jws)?.payload);
    return { jws, name: statement === null ? "" : nameOf(statement) };
  });
}

/** Makes a folder for the owner alone, durably, where it is not there. Throws what the system says. */
export async function makeFolder(folder: string): Promise<void> {
  const first = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (first !== undefined) await syncFolder(dirname(first));
}

/** The names in a folder that are of that form, sorted; none where it is not there. Throws what the system says. */
export async function namesIn(folder: string, form: RegExp): Promise<readonly string[]> {
  try {
    return (await readdir(folder)).filter((name) => form.test(name)).sort();
  } catch (error) {
    if (systemCode(error) === "ENOENT") return [];
    throw error;
  }
}
