// Whether files can get from the folder of partials to a user's folder: tried before an upload's first byte arrives, with a
// hidden file that is gone again at once. Permissions, file systems and limits have too many ways to say no to ask for each.

import { open } from "node:fs/promises";
import { join } from "node:path";
import { linkNew, moveFile, removeFile } from "./durable-files.ts";
import { lookBehind } from "./file-calls.ts";
import type { NameIndex } from "./name-index.ts";
import { makeUserFolder, type PublishParts } from "./publish.ts";

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

  /** Makes the user's folder unless it is there, and tries it. Throws the system's error. */
  async check(user: string): Promise<void> {
    const running = this.#trying.get(user);
    if (running !== undefined) return running;
    const trying = this.#check(user).finally(() => this.#trying.delete(user));
    this.#trying.set(user, trying);
    return trying;
  }

  async #check(user: string): Promise<void> {
    const { root, clock } = this.#parts;
    const folder = join(root, user);
    await makeUserFolder(this.#parts, folder);
    const found = await lookBehind(folder);
    const look = found === null ? "" : [found.dev, found.ino, found.mode, found.uid, found.gid].join(" ");
    const tried = this.#tried.get(user);
    if (tried?.look === look && clock.now() - tried.at < believedMs) return;
    await this.#names.quietly(user, () => this.#try(user, folder));
    this.#tried.set(user, { look, at: clock.now() });
  }

  async #try(user: string, folder: string): Promise<void> {
    const { partials, hasLinks, clock } = this.#parts;
    const from = join(partials, `probe.${user}`);
    const to = join(folder, probeName);
    try {
      await (await open(from, "w", 0o600)).close();
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
