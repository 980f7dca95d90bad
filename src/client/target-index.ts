// Which file of a folder is about which target: each file is read once in a process, and the folder is listed again only when
// it may have changed. So what is asked for each of 100,000 files costs next to nothing, whatever lies in the folder. A target
// is known by its digest alone. Used by `upload-store.ts`.

import { type BigIntStats, statSync } from "node:fs";
import { stat } from "node:fs/promises";
import { type Clock, systemClock } from "../base/clock.ts";
import { systemCode } from "../base/error.ts";
import { IoPace } from "../base/io-pace.ts";

export interface TargetIndexParts {
  readonly folder: string;
  /** Names of the files in the folder. */
  readonly list: () => Promise<readonly string[]>;
  /** The digest of the target that the file `name` is about, for as long as it has that name; `null`: of none. */
  readonly digestOf: (name: string) => Promise<string | null>;
  readonly clock?: Clock;
}

// A change within one tick of the file system's clock shows in no time; the coarsest ticks every two seconds.
const tickMsMax = 2000;

export class TargetIndex {
  readonly #parts: TargetIndexParts;
  readonly #clock: Clock;
  readonly #pace: IoPace;
  readonly #digests = new Map<string, string | null>();
  readonly #names = new Map<string, Set<string>>();
  /** There was no folder at the last look. */
  #isMissing = false;
  /** When the folder had last changed when it was listed; `null`: it has to be listed again. */
  #listed: bigint | null = null;

  constructor(parts: TargetIndexParts) {
    this.#parts = parts;
    this.#clock = parts.clock ?? systemClock;
    this.#pace = new IoPace(this.#clock);
  }

  /** Files that are about the target with this digest. */
  async filesFor(digest: string): Promise<readonly string[]> {
    await this.#refresh();
    return [...(this.#names.get(digest) ?? [])];
  }

  async #refresh(): Promise<void> {
    const changed = (await this.#stats())?.mtimeNs ?? null;
    if (changed !== null && changed === this.#listed) return;
    const names = new Set(this.#isMissing ? [] : await this.#parts.list());
    for (const name of this.#digests.keys()) if (!names.has(name)) this.#forget(name);
    for (const name of names)
      if (!this.#digests.has(name)) this.#note(name, await this.#parts.digestOf(name));
    const isSettled =
      changed !== null && this.#clock.date().getTime() - Number(changed / 1_000_000n) > tickMsMax;
    this.#listed = isSettled ? changed : null;
  }

  #note(name: string, digest: string | null): void {
    this.#digests.set(name, digest);
    if (digest === null) return;
    const names = this.#names.get(digest) ?? new Set();
    this.#names.set(digest, names.add(name));
  }

  #forget(name: string): void {
    const digest = this.#digests.get(name) ?? null;
    this.#digests.delete(name);
    if (digest === null) return;
    const names = this.#names.get(digest);
    names?.delete(name);
    if (names?.size === 0) this.#names.delete(digest);
  }

  async #stats(): Promise<BigIntStats | null> {
    const { folder } = this.#parts;
    try {
      this.#isMissing = false;
      return await this.#pace.run(
        () => statSync(folder, { bigint: true }),
        () => stat(folder, { bigint: true }),
      );
    } catch (error) {
      // What else is wrong shows when it is listed.
      this.#isMissing = systemCode(error) === "ENOENT";
      return null;
    }
  }
}
