// Whether files can get from the folder of partials to the one that they are meant for: tried before an upload's first byte arrives, with a
// hidden file that is gone again at once. Permissions, file systems and limits have too many ways to say no to ask for each.

import { hash } from "node:crypto";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { type Destination, foldersAbove } from "../upload/destination.ts";
import { linkNew, moveFile, removeFile } from "./durable-files.ts";
import { lookBehind } from "./file-calls.ts";
import { settleFile } from "./manner.ts";
import type { NameIndex } from "./name-index.ts";
import { makeFolders, type PublishParts } from "./publish.ts";

/** Hidden, so that whatever picks up finished files passes it over. */
const probeName = ".dync-probe";
// A folder that still looks the same is believed for so long.
const believedMs = 60_000;

interface Tried {
  /** What the folder looked like. */
  readonly look: string;
  /** Monotonic milliseconds. */
  readonly at: number;
}

export class PublishingWay {
  readonly #parts: PublishParts;
  readonly #names: NameIndex;
  readonly #tried = new Map<string, Tried>();
  readonly #trying = new Map<string, Promise<void>>();

  constructor(parts: PublishParts, names: NameIndex) {
    this.#parts = parts;
    this.#names = names;
  }

  /** Makes the folder of `destination` unless it is there, and tries it. Throws `NameTaken`, or the system's error. */
  async check(destination: Destination): Promise<void> {
    const { folder } = destination;
    const running = this.#trying.get(folder);
    if (running !== undefined) return running;
    const trying = this.#check(destination).finally(() => this.#trying.delete(folder));
    this.#trying.set(folder, trying);
    return trying;
  }

  async #check(destination: Destination): Promise<void> {
    const { root, durableFolders, clock } = this.#parts;
    const { folder, manner } = destination;
    const path = join(root, folder);
    // Of one that is known, with none above it that may have become something else, one look says all.
    const isKnown = durableFolders.has(path) && foldersAbove(destination).length === 0;
    let found = isKnown ? await lookBehind(path) : null;
    if (found?.isDirectory() !== true) {
      await makeFolders(this.#parts, destination);
      found = await lookBehind(path);
    }
    const wanted = manner?.group ?? "";
    const look =
      found === null ? "" : [wanted, found.dev, found.ino, found.mode, found.uid, found.gid].join(" ");
    const tried = this.#tried.get(folder);
    if (tried?.look === look && clock.now() - tried.at < believedMs) return;
    await this.#names.quietly(folder, () => this.#try(destination));
    // Those that are not believed any more go first: with a folder for each sample there is no end of them.
    this.#tried.delete(folder);
    this.#tried.set(folder, { look, at: clock.now() });
    for (const [other, { at }] of this.#tried) {
      if (clock.now() - at < believedMs) break;
      this.#tried.delete(other);
    }
  }

  async #try({ folder, manner }: Destination): Promise<void> {
    const { root, partials, hasLinks, clock, tag } = this.#parts;
    const from = join(partials, `probe${tag}.${hash("sha1", folder)}`);
    const to = join(root, folder, probeName);
    try {
      const probe = await open(from, "w", 0o600);
      // The server's user may not belong to the group that the file is to get.
      await settleFile(probe.fd, manner, null).finally(() => probe.close());
      // Left by a server that was killed just here.
      await removeFile(to, clock);
      if (hasLinks) await linkNew(from, to, clock);
      else await moveFile(from, to, clock);
      await removeFile(to, clock);
    } finally {
      await removeFile(from, clock);
    }
  }
}
