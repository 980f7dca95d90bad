// Brings the key files of this server and those of the others together, whenever either changes.

import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { CancelTimer, Clock } from "../../base/clock.ts";
import type { Logger } from "../../base/log.ts";
import { ToldTrouble } from "../../base/told-trouble.ts";
import type { LookCause, Servers, SharedKeys } from "../../catalogue/servers.ts";
import { clientsFolder } from "../../keys/key-folder.ts";
import { type KeyMerge, mergeKeys } from "../../keys/merge-keys.ts";
import { SharedKeyFolder } from "../../keys/shared-key-folder.ts";

export interface KeySharingParts {
  /** `DYNC_HOME`. */
  readonly home: string;
  readonly keys: SharedKeys;
  readonly servers: Pick<Servers, "tell">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Resolves when all counts that lies in the folder. */
  readonly look: () => Promise<void>;
}

// What is told may be lost.
const lookEveryMs = 30_000;

export class KeySharing {
  readonly #parts: KeySharingParts;
  readonly #folder: SharedKeyFolder;
  readonly #trouble: ToldTrouble;
  #working: Promise<void> = Promise.resolve();
  #cancel: CancelTimer = () => {};
  #isOver = false;
  /** All files of the folder are gone. */
  #isGone = false;
  /** Names of the files that become now what another server made of them. */
  #fromOthers: ReadonlySet<string> = new Set();

  constructor(parts: KeySharingParts) {
    this.#parts = parts;
    const { home, logger } = parts;
    this.#folder = new SharedKeyFolder(clientsFolder(home), join(home, "clients.shared"), logger);
    this.#trouble = new ToldTrouble(logger, {
      begins: "Keys are not brought together with those of other servers",
      ends: "Keys are the same on all servers again",
    });
  }

  /** Brings both together now, and again and again. Resolves when that was done once. Never rejects. */
  async begin(): Promise<void> {
    mkdirSync(clientsFolder(this.#parts.home), { recursive: true, mode: 0o700 });
    await this.changed("start");
    this.#wait();
  }

  #wait(): void {
    if (this.#isOver) return;
    const look = (): void => void this.changed("poll").then(() => this.#wait());
    this.#cancel = this.#parts.clock.after(lookEveryMs, look);
  }

  /** Something changed, here or there. Never rejects. */
  changed(by: LookCause): Promise<void> {
    this.#working = this.#working.then(() => this.#bringTogether(by));
    return this.#working;
  }

  /** Whether the file of that name was just changed, or removed, as another server did it. */
  isFromOthers(file: string): boolean {
    return this.#fromOthers.has(file);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true;
    this.#cancel();
    await this.#working;
  }

  async #bringTogether(by: LookCause): Promise<void> {
    if (this.#isOver) return;
    const { servers, logger } = this.#parts;
    try {
      const merge = await this.#merge();
      if (merge === null) return;
      const isTold = merge.share.size + merge.unshare.length > 0;
      if (isTold) servers.tell({ kind: "keys" });
      this.#trouble.over();
      const files = merge.write.size + merge.remove.length;
      if (files === 0) return;
      logger.log("info", "Keys of the other servers are taken", { files, by });
      await this.#parts.look();
    } catch (error) {
      this.#trouble.met(error);
    } finally {
      this.#fromOthers = new Set();
    }
  }

  async #merge(): Promise<KeyMerge | null> {
    const { keys, logger } = this.#parts;
    const own = this.#folder.read();
    if (own === null) return null;
    const { version: before, texts: same } = this.#folder.same();
    // Whoever took the folder away did not mean all servers.
    const isGone = own.size === 0 && same.size > 1;
    if (isGone && !this.#isGone)
      logger.log("warn", "There is no key here any more, and the other servers keep theirs", {
        hint: "remove clients.shared in DYNC_HOME to get them back",
      });
    this.#isGone = isGone;
    if (isGone) return null;
    let merge: KeyMerge | null = null;
    const version = await keys.change((shared) => {
      // A catalogue that was put back to an earlier state knows less than this folder.
      merge = mergeKeys(shared.version < before ? shared.texts : same, own, shared.texts);
      return merge;
    });
    const merged = merge as KeyMerge | null;
    if (merged === null) return null;
    this.#fromOthers = new Set([...merged.write.keys(), ...merged.remove]);
    const left = this.#folder.take(merged.write, merged.remove);
    const now = new Map([...merged.same].filter(([name]) => !left.includes(name)));
    this.#folder.remember({ version, texts: now });
    return merged;
  }
}
