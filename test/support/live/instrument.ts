// What writes a run, at random and without any manners: files that grow, are written anew, renamed, removed, become folders and the other
// way round, while they are sent.

import { appendFile, mkdir, open, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Random } from "../../simulation/random.ts";

const names = ["a.raw", "b.raw", "c", "d", "e.log", "über.raw"];

export class Instrument {
  readonly #folder: string;
  readonly #random: Random;
  /** Bytes that it wrote. */
  written = 0;

  constructor(folder: string, random: Random) {
    this.#folder = folder;
    this.#random = random;
  }

  /** Does one thing to the run. */
  async step(): Promise<void> {
    const at = await this.#place();
    const there = await stat(at).catch(() => null);
    const choice = this.#random.next();
    if (there === null) return choice < 0.25 ? await this.#folderAt(at) : await this.#write(at);
    if (choice < 0.15) return await rm(at, { recursive: true });
    if (there.isDirectory()) {
      if (choice < 0.3) await rename(at, `${at} moved`).catch(() => {});
      return;
    }
    if (choice < 0.4) return await appendFile(at, this.#bytes());
    if (choice < 0.6) return await this.#overwrite(at, there.size);
    if (choice < 0.7) return await this.#truncate(at, there.size);
    if (choice < 0.8) {
      await rm(at);
      return await this.#folderAt(at);
    }
    await this.#write(at);
  }

  async #folderAt(at: string): Promise<void> {
    await mkdir(at, { recursive: true });
    for (let count = this.#random.int(3); count > 0; count--) await this.#write(join(at, this.#name()));
  }

  #name(): string {
    return names[this.#random.int(names.length)]!;
  }

  /** Somewhere at the top, or one folder below it. */
  async #place(): Promise<string> {
    const entries = await readdir(this.#folder, { withFileTypes: true });
    const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
    if (folders.length === 0 || this.#random.next() < 0.5) return join(this.#folder, this.#name());
    return join(this.#folder, folders.sort()[this.#random.int(folders.length)]!, this.#name());
  }

  #bytes(): Uint8Array {
    const bytes = Buffer.alloc(Math.floor(this.#random.next() ** 3 * 3_000_000));
    for (let at = 0; at + 4 <= bytes.length; at += 512) bytes.writeUInt32LE(this.#random.int(2 ** 32), at);
    this.written += bytes.length;
    return bytes;
  }

  // Some programs write beside the place, some into it.
  async #write(at: string): Promise<void> {
    if (this.#random.next() < 0.5) return await writeFile(at, this.#bytes());
    await writeFile(`${at}.part`, this.#bytes());
    await rename(`${at}.part`, at);
  }

  async #overwrite(at: string, size: number): Promise<void> {
    const file = await open(at, "r+");
    try {
      await file.write(
        Buffer.from("overwritten"),
        0,
        Math.min(11, size),
        this.#random.int(Math.max(1, size - 11)),
      );
    } finally {
      await file.close();
    }
  }

  async #truncate(at: string, size: number): Promise<void> {
    const file = await open(at, "r+");
    try {
      await file.truncate(this.#random.int(size + 1));
    } finally {
      await file.close();
    }
  }
}
