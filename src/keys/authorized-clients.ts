// Who may send: the public keys in `DYNC_HOME/clients/`, one file each, and the user behind each key. Read again
// when the folder changes, so that adding or removing a key needs no restart. Never opens a secret key file.

import { type FSWatcher, readdirSync, statSync, watch } from "node:fs";
import { join } from "node:path";
import type { CancelTimer, Clock } from "../base/clock.ts";
import { DyncError, messageOf, systemCode } from "../base/error.ts";
import { fileNameFault, foldName } from "../base/file-name.ts";
import type { Logger } from "../base/log.ts";
import { readCertificate } from "./key-files.ts";

const keySuffix = ".key";
// The truth is the rescan; the system's change notices only make it come sooner. Where there are none it comes often.
// Each one wakes a server that has nothing else to do.
const rescanMs = 5_000;
const rescanWithNoticesMs = 30_000;
// Notices come several for one change, and before the file is written to its end.
const noticeDelayMs = 100;

export interface AuthorizedKey {
  /** The public key, 40 characters of Z85. */
  readonly key: string;
  readonly user: string;
}

/** What a rescan found. A key whose user changed is in both lists. */
export interface KeyChanges {
  readonly added: readonly AuthorizedKey[];
  readonly removed: readonly AuthorizedKey[];
}

interface KeyFile {
  /** Changes whenever the file does. */
  readonly signature: string;
  /** `null` for a file that is no good. */
  readonly entry: AuthorizedKey | null;
  /** The entry is the one from before the file became unreadable: it may just be being written. */
  readonly isStale: boolean;
}

export class AuthorizedClients {
  readonly folder: string;
  readonly #log: Logger;
  #files: ReadonlyMap<string, KeyFile> = new Map();
  #users: ReadonlyMap<string, string> = new Map();
  #refreshing: Promise<KeyChanges> | null = null;
  #folderFault: string | null = null;

  private constructor(folder: string, log: Logger) {
    this.folder = folder;
    this.#log = log;
  }

  /** Reads all keys in `folder`, which need not be there yet. Files that are no good are logged and left out. */
  static async load(folder: string, log: Logger): Promise<AuthorizedClients> {
    const clients = new AuthorizedClients(folder, log);
    await clients.refresh();
    if (process.platform === "win32" || clients.#folderFault !== null) return clients;
    if ((statSync(folder).mode & 0o022) !== 0) {
      log.log("warn", "Others on this machine can authorise keys: the folder is writable for them", {
        folder,
      });
    }
    return clients;
  }

  get size(): number {
    return this.#users.size;
  }

  /** The user behind a public key (40 characters of Z85), or `null`: not authorised. */
  userOf(key: string): string | null {
    return this.#users.get(key) ?? null;
  }

  list(): readonly AuthorizedKey[] {
    return [...this.#users].map(([key, user]) => ({ key, user }));
  }

  /** Looks at the folder, reads files that changed, and tells what became of the keys. Never throws. */
  refresh(): Promise<KeyChanges> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /**
   * Calls `onChange` whenever keys were added or removed: at once where the system gives notice, else within 5 s, or
   * within 30 s on a file system that promises notices and gives none. Returns what ends it.
   */
  watch(clock: Clock, onChange: (changes: KeyChanges) => void): () => void {
    let watcher: FSWatcher | null = null;
    let cancel: CancelTimer = () => {};
    let isOver = false;
    const attach = (): void => {
      if (watcher !== null) return;
      try {
        watcher = watch(this.folder, { persistent: false }, () => schedule(noticeDelayMs));
        watcher.on("error", detach);
      } catch {
        // Not there yet, or no notices on this file system: the rescan is enough.
      }
    };
    const detach = (): void => {
      watcher?.close();
      watcher = null;
    };
    const schedule = (delayMs: number): void => {
      if (isOver) return;
      cancel();
      cancel = clock.after(delayMs, () => void rescan());
    };
    const rescan = async (): Promise<void> => {
      const changes = await this.refresh();
      if (isOver) return;
      if (changes.added.length + changes.removed.length > 0) onChange(changes);
      if (this.#folderFault !== null) detach();
      else attach();
      scheduleRescan();
    };
    const scheduleRescan = (): void => schedule(watcher === null ? rescanMs : rescanWithNoticesMs);
    attach();
    scheduleRescan();
    return () => {
      isOver = true;
      cancel();
      detach();
    };
  }

  async #refresh(): Promise<KeyChanges> {
    const signatures = this.#scan();
    if (signatures === null || this.#isUnchanged(signatures)) return { added: [], removed: [] };
    const files = new Map<string, KeyFile>();
    for (const [name, signature] of signatures) files.set(name, await this.#read(name, signature));
    const users = this.#merge(files);
    const before = this.#users;
    this.#files = files;
    this.#users = users;
    return { added: difference(users, before), removed: difference(before, users) };
  }

  // Synchronous on purpose: a few hundred `stat` calls take less time this way than handing them out does.
  #scan(): ReadonlyMap<string, string> | null {
    const signatures = new Map<string, string>();
    try {
      const names = readdirSync(this.folder).filter(
        (name) => name.endsWith(keySuffix) && !name.startsWith("."),
      );
      for (const name of names.sort()) {
        const properties = statSync(join(this.folder, name), { throwIfNoEntry: false });
        if (properties === undefined) continue;
        const { ino, size, mtimeMs, ctimeMs } = properties;
        signatures.set(name, `${ino} ${size} ${mtimeMs} ${ctimeMs}`);
      }
      this.#folderFault = null;
    } catch (error) {
      const fault = messageOf(error);
      const isMissing = systemCode(error) === "ENOENT";
      if (fault !== this.#folderFault && !isMissing) {
        this.#log.log("warn", "The folder of authorised keys cannot be read; the keys known so far stay", {
          folder: this.folder,
          reason: fault,
        });
      }
      this.#folderFault = fault;
      if (!isMissing) return null;
    }
    return signatures;
  }

  #isUnchanged(signatures: ReadonlyMap<string, string>): boolean {
    if (signatures.size !== this.#files.size) return false;
    for (const [name, signature] of signatures) {
      const known = this.#files.get(name);
      if (known === undefined || known.signature !== signature || known.isStale) return false;
    }
    return true;
  }

  async #read(name: string, signature: string): Promise<KeyFile> {
    const known = this.#files.get(name);
    if (known?.signature === signature && !known.isStale) return known;
    try {
      return { signature, entry: await this.#readEntry(name), isStale: false };
    } catch (error) {
      // A file that was good may be in the middle of being replaced: it gets one more look before its key goes.
      if (known?.entry && known.signature !== signature)
        return { signature, entry: known.entry, isStale: true };
      this.#warn(name, messageOf(error));
      return { signature, entry: null, isStale: false };
    }
  }

  async #readEntry(name: string): Promise<AuthorizedKey> {
    const certificate = await readCertificate(join(this.folder, name));
    if (certificate === null) throw new DyncError("configuration", "The file is gone");
    const user = certificate.metadata.get("user_id") ?? name.slice(0, -keySuffix.length);
    const fault = fileNameFault(user);
    if (fault !== null) throw new DyncError("configuration", `The user id ${fault}`);
    if (certificate.secretKey !== null) {
      this.#log.log("warn", "A file of authorised keys holds a secret key: its owner should make new ones", {
        file: join(this.folder, name),
      });
    }
    return { key: certificate.publicKey.text, user };
  }

  #merge(files: ReadonlyMap<string, KeyFile>): ReadonlyMap<string, string> {
    const users = new Map<string, string>();
    const spellings = new Map<string, string>();
    for (const [name, { entry }] of files) {
      if (entry === null) continue;
      const { key, user } = entry;
      const spelling = spellings.get(foldName(user)) ?? user;
      if (users.has(key)) {
        if (users.get(key) !== user)
          this.#warn(name, `The same key is authorised as ${users.get(key)} already`);
        else this.#warn(name, "The same key is in another file as well");
      } else if (spelling !== user) {
        // Some file systems would give both the same folder.
        this.#warn(name, `The user id ${user} differs from ${spelling} only in case or Unicode form`);
      } else {
        users.set(key, user);
        spellings.set(foldName(user), user);
      }
    }
    return users;
  }

  #warn(name: string, reason: string): void {
    this.#log.log("warn", "A file of authorised keys was left out", {
      file: join(this.folder, name),
      reason,
    });
  }
}

function difference(
  left: ReadonlyMap<string, string>,
  right: ReadonlyMap<string, string>,
): readonly AuthorizedKey[] {
  return [...left].filter(([key, user]) => right.get(key) !== user).map(([key, user]) => ({ key, user }));
}
