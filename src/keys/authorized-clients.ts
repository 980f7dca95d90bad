// Who may send: the public keys in `DYNC_HOME/clients/`, one file each. The file's name, which the administrator
// chose, is the user. Read again when the folder changes, so that adding or removing a key needs no restart. Never
// opens a secret key file. Who has what when files contradict each other is decided in `key-claims.ts`.

import { type FSWatcher, statSync, watch } from "node:fs";
import { join } from "node:path";
import type { CancelTimer, Clock } from "../base/clock.ts";
import { parseDeadline, shownDeadline } from "../base/deadline.ts";
import { DyncError, messageOf } from "../base/error.ts";
import { fileNameFault } from "../base/file-name.ts";
import type { Logger } from "../base/log.ts";
import { isShortage } from "../base/system-errors.ts";
import { type Certificate, expiryMember } from "./certificate.ts";
import { fingerprintOf } from "./key.ts";
import { type KeyClaim, KeyClaims, type RefusedClaim } from "./key-claims.ts";
import { readCertificate } from "./key-files.ts";
import { FolderFault, type ListedFile, listKeyFolder, userOfFile } from "./key-folder.ts";

// The truth is the rescan; the system's change notices only make it come sooner. Where there are none it comes often.
// Each one wakes a server that has nothing else to do.
const rescanMs = 5_000;
const rescanWithNoticesMs = 30_000;
// A file that may be in the midst of being written.
const uncertainMs = 1_000;
// Notices come several for one change, and before the file is written to its end.
const noticeDelayMs = 100;

export interface AuthorizedKey {
  /** The public key, 40 characters of Z85. */
  readonly key: string;
  readonly fingerprint: string;
  readonly user: string;
  /** Name of the file in the folder. */
  readonly file: string;
  /** Until when it is good; absent: for ever. */
  readonly expiresAt?: Date;
}

/** What a rescan found. A key whose user changed is in `added` and `removed`. */
export interface KeyChanges {
  readonly added: readonly AuthorizedKey[];
  /** Not authorised any more; what runs with these keys has a moment left in which they may come back. */
  readonly removed: readonly AuthorizedKey[];
  /** Removed a moment ago, and they did not come back. */
  readonly ended: readonly AuthorizedKey[];
  /** Good until a moment ago: what runs with them ends. */
  readonly expired: readonly AuthorizedKey[];
  /** Good again. */
  readonly renewed: readonly AuthorizedKey[];
}

export interface AuthorizedClientsOptions {
  /** Need not be there yet. */
  readonly folder: string;
  readonly log: Logger;
  readonly clock: Clock;
  /** The `user_id` that a key's owner wrote into it names the user, where it is there. */
  readonly trustsUserIds?: boolean;
}

interface KeyFile {
  /** Changes whenever the file does. */
  readonly signature: string;
  /** `null` for a file that is no good. */
  readonly claim: KeyClaim | null;
  /** What is to be said about it. */
  readonly fault: string | null;
  /** It gets another look even if it does not change: it may just be being written, or could not be opened just now. */
  readonly isUncertain: boolean;
}

const nothing: KeyChanges = { added: [], removed: [], ended: [], expired: [], renewed: [] };

/** Keys that are good for no longer than this are told of in the log, once a day. */
const soonMs = 14 * 24 * 3_600_000;
const dayMs = 24 * 3_600_000;

export class AuthorizedClients {
  readonly folder: string;
  readonly #log: Logger;
  readonly #clock: Clock;
  readonly #trustsUserIds: boolean;
  readonly #claims = new KeyClaims();
  #files: ReadonlyMap<string, KeyFile> = new Map();
  #refreshing: Promise<KeyChanges> | null = null;
  #folderFault: string | null = null;
  /** What was warned about and is still so. */
  #warned: ReadonlySet<string> = new Set();
  /** Keys that had expired when that was looked at last. */
  #expired: ReadonlySet<string> = new Set();
  /** When the log was told of a key that expires soon, monotonic ms. */
  readonly #toldAt = new Map<string, number>();

  private constructor(options: AuthorizedClientsOptions) {
    this.folder = options.folder;
    this.#log = options.log;
    this.#clock = options.clock;
    this.#trustsUserIds = options.trustsUserIds ?? false;
  }

  /** Reads all keys of the folder. Files that are no good are logged and left out. */
  static async load(options: AuthorizedClientsOptions): Promise<AuthorizedClients> {
    const clients = new AuthorizedClients(options);
    await clients.refresh();
    if (process.platform === "win32" || clients.#folderFault !== null) return clients;
    const { folder, log } = options;
    if ((statSync(folder).mode & 0o022) !== 0) {
      log.log("warn", "Others on this machine can authorise keys: the folder is writable for them", {
        folder,
      });
    }
    return clients;
  }

  get size(): number {
    return this.#claims.granted().length;
  }

  /** The user behind a public key (40 characters of Z85), or `null`: not authorised, or not any more. */
  userOf(key: string): string | null {
    const claim = this.#claims.holder(key);
    return claim === null || this.#isOver(claim) ? null : claim.user;
  }

  /** When a key expired that would be authorised but for that; `null` for any other. */
  expiryOf(key: string): Date | null {
    const claim = this.#claims.holder(key);
    return claim !== null && this.#isOver(claim) ? dateOf(claim) : null;
  }

  /** Until when a key is authorised, where something says so; `null` for any other. */
  endOf(key: string): Date | null {
    const claim = this.#claims.holder(key);
    return claim === null || this.#isOver(claim) ? null : dateOf(claim);
  }

  #isOver({ expiresAt }: KeyClaim): boolean {
    return expiresAt !== null && expiresAt < this.#clock.date().getTime();
  }

  /** Whether `key`, which is not authorised, was until a moment ago and may be again in another one. */
  isLeaving(key: string): boolean {
    return this.#claims.isLeaving(key);
  }

  /** Whether what `key` began as `user` may go on: it is authorised, or was until a moment ago. */
  mayGoOn(key: string, user: string): boolean {
    return this.#claims.isOf(key, user) && this.expiryOf(key) === null;
  }

  list(): readonly AuthorizedKey[] {
    return this.#claims.granted().map(authorizedKey);
  }

  /** Looks at the folder, reads files that changed, and tells what became of the keys. Never throws. */
  refresh(): Promise<KeyChanges> {
    this.#refreshing ??= this.#refresh().finally(() => {
      this.#refreshing = null;
    });
    return this.#refreshing;
  }

  /**
   * Calls `onChange` whenever something became of keys: at once where the system gives notice, else within 5 s, or
   * within 30 s on a file system that promises notices and gives none. Returns what ends it, and what looks now: that
   * resolves when all counts that was in the folder at its call.
   */
  watch(onChange: (changes: KeyChanges) => void): {
    readonly stop: () => void;
    readonly look: () => Promise<void>;
  } {
    let watcher: FSWatcher | null = null;
    let next: { readonly at: number; readonly cancel: CancelTimer } | null = null;
    let isOver = false;
    let looking: Promise<void> | null = null;
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
    // The earliest counts: notices that do not end put no look off.
    const schedule = (delayMs: number): void => {
      const at = this.#clock.now() + delayMs;
      if (isOver || (next !== null && next.at <= at)) return;
      next?.cancel();
      next = { at, cancel: this.#clock.after(delayMs, onTime) };
    };
    const onTime = (): void => {
      next = null;
      // What is noticed during a look may have happened behind it.
      if (looking !== null) schedule(noticeDelayMs);
      else void rescan();
    };
    const rescan = (): Promise<void> => {
      looking = lookOnce().finally(() => {
        looking = null;
      });
      return looking;
    };
    const lookOnce = async (): Promise<void> => {
      const changes = await this.refresh();
      if (isOver) return;
      if (Object.values(changes).some((keys) => keys.length > 0)) onChange(changes);
      this.#warnOfExpiry();
      if (this.#folderFault !== null) detach();
      else attach();
      scheduleRescan();
    };
    const scheduleRescan = (): void => schedule(this.#nextLookMs(watcher !== null));
    attach();
    scheduleRescan();
    this.#warnOfExpiry();
    const stop = (): void => {
      isOver = true;
      next?.cancel();
      detach();
    };
    const look = async (): Promise<void> => {
      while (looking !== null) await looking;
      await rescan();
    };
    return { stop, look };
  }

  #nextLookMs(hasNotices: boolean): number {
    const { nextEnd } = this.#claims;
    const isUncertain = [...this.#files.values()].some((file) => file.isUncertain);
    return Math.min(
      hasNotices ? rescanWithNoticesMs : rescanMs,
      isUncertain ? uncertainMs : Number.POSITIVE_INFINITY,
      this.#msUntilExpiry(),
      nextEnd === null ? Number.POSITIVE_INFINITY : Math.max(0, nextEnd - this.#clock.now()),
    );
  }

  /** Until the next key expires. */
  #msUntilExpiry(): number {
    const now = this.#clock.date().getTime();
    const ahead = this.#claims.granted().flatMap(({ expiresAt }) => {
      return expiresAt === null || expiresAt < now ? [] : [expiresAt + 1 - now];
    });
    return Math.min(Number.POSITIVE_INFINITY, ...ahead);
  }

  async #refresh(): Promise<KeyChanges> {
    const changes = await this.#look();
    const before = this.#expired;
    const keys = this.#claims.granted();
    const over = keys.filter((claim) => this.#isOver(claim));
    this.#expired = new Set(over.map(({ key }) => key));
    const expired = over.filter(({ key }) => !before.has(key)).map(authorizedKey);
    const renewed = keys.filter((it) => before.has(it.key) && !this.#expired.has(it.key)).map(authorizedKey);
    return expired.length + renewed.length === 0 ? changes : { ...changes, expired, renewed };
  }

  async #look(): Promise<KeyChanges> {
    const listed = this.#list();
    const { nextEnd } = this.#claims;
    const isEndDue = nextEnd !== null && nextEnd <= this.#clock.now();
    const isUnchanged = listed === null || this.#isUnchanged(listed);
    if (isUnchanged && !isEndDue) return nothing;
    if (listed !== null && !isUnchanged) {
      const files = new Map<string, KeyFile>();
      for (const file of listed) files.set(file.name, await this.#read(file));
      this.#files = files;
    }
    const claims = [...this.#files.values()].flatMap(({ claim }) => (claim === null ? [] : [claim]));
    const { refused, ...changes } = this.#claims.update(claims, this.#clock.now());
    this.#warn(refused);
    return {
      added: changes.added.map(authorizedKey),
      removed: changes.removed.map(authorizedKey),
      ended: changes.ended.map(authorizedKey),
      expired: [],
      renewed: [],
    };
  }

  /** `null`: the folder itself cannot be read. */
  #list(): readonly ListedFile[] | null {
    try {
      const listed = listKeyFolder(this.folder);
      this.#folderFault = null;
      return listed;
    } catch (error) {
      if (!(error instanceof FolderFault)) throw error;
      if (error.message !== this.#folderFault && !error.isMissing) {
        this.#log.log("warn", "The folder of authorised keys cannot be read; the keys known so far stay", {
          folder: this.folder,
          reason: error.message,
        });
      }
      this.#folderFault = error.message;
      return error.isMissing ? [] : null;
    }
  }

  #isUnchanged(listed: readonly ListedFile[]): boolean {
    if (listed.length !== this.#files.size) return false;
    return listed.every(({ name, signature }) => {
      const known = this.#files.get(name);
      return known !== undefined && known.signature === signature && !known.isUncertain;
    });
  }

  async #read(file: ListedFile): Promise<KeyFile> {
    const { name, signature, fault } = file;
    if (fault !== null) return { signature, claim: null, fault, isUncertain: false };
    const known = this.#files.get(name);
    const isKnown = known?.signature === signature;
    if (isKnown && !known.isUncertain) return known;
    try {
      return { signature, claim: await this.#readClaim(file), fault: null, isUncertain: false };
    } catch (error) {
      const fault = messageOf(error);
      // The trouble is ours and not the file's: what it said before holds.
      if (isShortage(error instanceof DyncError ? error.cause : error)) {
        const before = { signature: known?.signature ?? signature, claim: known?.claim ?? null };
        return { ...before, fault, isUncertain: true };
      }
      // A file that was good may be in the middle of being replaced: it gets one more look before it is called bad.
      const isUncertain = known !== undefined && known.claim !== null && !isKnown;
      return { signature, claim: null, fault: isUncertain ? null : fault, isUncertain };
    }
  }

  async #readClaim({ name, inode, madeAt }: ListedFile): Promise<KeyClaim> {
    const file = join(this.folder, name);
    const certificate = await readCertificate(file);
    if (certificate === null) throw new DyncError("configuration", "the file is gone");
    const user = this.#userIn(name, certificate.metadata.get("user_id"));
    const fault = fileNameFault(user);
    if (fault !== null) throw new DyncError("configuration", `the user id ${fault}`);
    if (certificate.secretKey !== null) {
      this.#log.log("warn", "A file of authorised keys holds a secret key: its owner should make new ones", {
        file,
      });
    }
    const key = certificate.publicKey.text;
    return { file: name, key, user, inode, madeAt, expiresAt: expiryIn(certificate) };
  }

  #userIn(name: string, userId: string | undefined): string {
    const user = userOfFile(name);
    if (userId === undefined || userId === user) return user;
    if (this.#trustsUserIds) return userId;
    this.#log.log("warn", "The user id inside a key file is ignored: the name of the file counts", {
      file: join(this.folder, name),
      user,
      userId,
    });
    return user;
  }

  /** Says which keys expire soon, each once a day. */
  #warnOfExpiry(): void {
    const [now, date] = [this.#clock.now(), this.#clock.date().getTime()];
    for (const [key, at] of this.#toldAt) if (now - at >= dayMs) this.#toldAt.delete(key);
    for (const { key, user, file, expiresAt } of this.#claims.granted()) {
      if (expiresAt === null || expiresAt < date || expiresAt > date + soonMs || this.#toldAt.has(key))
        continue;
      this.#toldAt.set(key, now);
      const expires = shownDeadline(new Date(expiresAt));
      this.#log.log("warn", "A key expires soon", { user, key: fingerprintOf(key), file, expires });
    }
  }

  /** Says what is wrong with files: each fault once, until it is no longer there. */
  #warn(refused: readonly RefusedClaim[]): void {
    const before = this.#warned;
    const faults = [...this.#files].flatMap(([file, { fault }]) => (fault === null ? [] : [{ file, fault }]));
    for (const { claim, reason } of refused) faults.push({ file: claim.file, fault: reason });
    this.#warned = new Set(faults.map(({ file, fault }) => `${file}/${fault}`));
    for (const { file, fault } of faults) {
      if (before.has(`${file}/${fault}`)) continue;
      this.#log.log("warn", "A file of authorised keys was left out", {
        file: join(this.folder, file),
        reason: fault,
      });
    }
  }
}

function authorizedKey(claim: KeyClaim): AuthorizedKey {
  const { key, user, file } = claim;
  const expiresAt = dateOf(claim);
  return { key, fingerprint: fingerprintOf(key), user, file, ...(expiresAt === null ? {} : { expiresAt }) };
}

function dateOf({ expiresAt }: KeyClaim): Date | null {
  return expiresAt === null ? null : new Date(expiresAt);
}

/** The last moment of what a key file says, ms since 1970, or `null`. What is no date lets nobody in. */
function expiryIn({ metadata }: Certificate): number | null {
  const text = metadata.get(expiryMember);
  if (text === undefined) return null;
  const deadline = parseDeadline(text);
  if (deadline !== null) return deadline.getTime();
  throw new DyncError("configuration", `its "${expiryMember}" is no date such as 2027-01-31`);
}
