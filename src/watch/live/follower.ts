// Follows a run that is still being written, and says what of it comes next in the stream: decided from what looks saw over time, and
// from nothing else. Files go as each is complete, again when they are others by then, and are taken out when they are gone; the end comes
// when the sign of it is there and a look found all as it was given. Times are monotonic; those of files are compared with each other
// alone. Pure: `live-folder.ts` looks.
//
// A look is one pass over the whole run. What it does not see is not gone: that has to be so for as long as a file has to be quiet, and
// while a look sees nothing at all, or cannot see a part, nothing is taken for gone and there is no end.

import type { LiveEntry, LiveStep } from "../../client/live/feed.ts";
import { foldersOf, foldPath } from "../../tar/member-path.ts";
import type { Completion } from "../completion.ts";
import type { Waiting } from "../watch-list.ts";
import { type Behind, UnderWay } from "./behind.ts";
import { type Given, GivenTree, versionOf } from "./given-tree.ts";
import { LiveState } from "./live-state.ts";
import { type Pending, pauseOf, quietMsWanted, signShare, writtenMs } from "./quiet.ts";

export interface FollowerOptions {
  /** How long a file has to be quiet, in ms. */
  readonly settleMs: number;
  /** How long the run has to be quiet where no sign marks its end, in ms. */
  readonly runSettleMs: number;
}

interface Sight {
  look: number;
  type: Given["type"];
}

// Of what was given, so much may be given in vain before the sign of the end: what changed waits for that then.
const vainShare = 1 / 200;

export class Follower {
  readonly #options: FollowerOptions;
  readonly #given = new GivenTree();
  readonly #seen = new Map<string, Sight>();
  /** Files that are not in the stream as they are. */
  readonly #pending = new Map<string, Pending>();
  /** Since when each file is complete that is to be given, in that order. */
  readonly #ready = new Map<string, number>();
  /** Since when what was given is missed. */
  readonly #missed = new Map<string, number>();
  #removals: string[] = [];
  /** Folders as this look sees them. */
  #folders = new Map<string, LiveEntry>();
  /** What is left to be given when all files are. */
  #last: LiveStep[] = [];
  #look = 0;
  #files = 0;
  /** What this look cannot see. */
  #hidden: { readonly path: string; readonly why: string }[] = [];
  readonly #state: LiveState;
  /** Whether something was given, or found changed, since the look began. */
  #isMoved = false;
  /** The end that was given: nothing follows. */
  #ending: LiveStep | null = null;
  /** Members and removals that were given, those of earlier processes among them. */
  #steps = 0;
  readonly #underWay = new UnderWay();

  /** `steps` are those that were given before, in their order. */
  constructor(options: FollowerOptions, steps: Iterable<LiveStep>, now: number) {
    this.#options = options;
    this.#state = new LiveState(options, now);
    for (const step of steps) this.#note(step);
    // What was said of a run that failed may be decided by now.
    if (this.#ending?.kind === "aborted") this.#ending = null;
  }

  #note(step: LiveStep): void {
    this.#given.note(step);
    const isEnd = step.kind === "end" || step.kind === "aborted";
    this.#ending = isEnd ? step : null;
    if (!isEnd) this.#steps += 1;
  }

  /** A look at the whole run begins. */
  begin(): void {
    this.#look += 1;
    this.#files = 0;
    this.#folders = new Map();
    this.#hidden = [];
    this.#isMoved = false;
  }

  /** The look saw a file or a folder; `born`: when it was made, in ns since 1970, 0 where nobody knows. */
  saw(path: string, entry: LiveEntry, now: number, born = 0n): void {
    const known = this.#seen.get(path);
    if (known === undefined) this.#seen.set(path, { look: this.#look, type: entry.type });
    else [known.look, known.type] = [this.#look, entry.type];
    if (entry.type === "folder") {
      this.#folders.set(path, entry);
      if (this.#pending.has(path)) this.#drop(path, now);
      return;
    }
    this.#files += 1;
    const version = versionOf(entry);
    const given = this.#given.at(path);
    const before = this.#pending.get(path);
    if (given?.type === "file" && given.version === version) {
      if (before !== undefined) this.#drop(path, now);
    } else if (before === undefined) {
      const { size: bytesBefore = 0, times = 0 } = given ?? {};
      const bytesMost = Math.max(entry.size, bytesBefore);
      // Who was there before remembered nothing of it.
      const firstAt = now - (this.#state.isNew ? writtenMs(entry, born) : 0);
      this.#pending.set(path, {
        ...{ entry, version, bytesMost, times },
        ...{ firstAt, since: now, isOld: false },
      });
      this.#state.changedAt = now;
    } else if (before.version !== version) {
      const bytesMost = Math.max(entry.size, before.bytesMost);
      Object.assign(before, { entry, version, bytesMost, since: now, isOld: false });
      this.#ready.delete(path);
      this.#state.changedAt = now;
    }
  }

  #drop(path: string, now: number): void {
    this.#pending.delete(path);
    this.#ready.delete(path);
    this.#state.changedAt = now;
  }

  /** The look cannot see what is at a path, or below it. */
  hidden(path: string, why: string): void {
    this.#hidden.push({ path, why });
  }

  /**
   * The look is over, and `completion` is what the run's rule said of it. `openForWriting` is asked, once at most, which paths in the run a
   * program has open.
   */
  end(completion: Completion, openForWriting: () => ReadonlySet<string>, now: number): void {
    if (this.#files === 0 && (this.#given.size > 0 || this.#pending.size > 0))
      return this.lost("It is empty, and there was something in it", now);
    if (this.#state.isNew) this.#findOld();
    this.#miss(now);
    this.#state.judge(completion, now);
    this.#state.hidden = this.#hidden[0] ?? null;
    this.#removals = this.#dueRemovals(now);
    this.#complete(openForWriting, now);
    this.#last = this.#lastSteps(now);
  }

  /** The run could not be looked at: nothing is known of it any more but what was given. */
  lost(detail: string, now: number): void {
    this.#state.lost(detail, now);
    for (const pending of this.#pending.values()) pending.version = Number.NaN;
    this.#ready.clear();
    this.#missed.clear();
    [this.#removals, this.#last] = [[], []];
  }

  /** What was there before anybody looked is compared with what was written last there. */
  #findOld(): void {
    let newest = 0n;
    for (const { entry } of this.#pending.values())
      if (BigInt(entry.modified) > newest) newest = BigInt(entry.modified);
    for (const pending of this.#pending.values()) {
      const quietMs = Math.max(this.#options.settleMs, pauseOf(pending.since - pending.firstAt));
      pending.isOld = BigInt(pending.entry.modified) + BigInt(Math.round(quietMs)) * 1_000_000n <= newest;
    }
  }

  /** Finds out what of the run is not there any more. */
  #miss(now: number): void {
    for (const [path, { look }] of this.#seen) {
      if (look === this.#look) continue;
      this.#seen.delete(path);
      if (this.#pending.has(path)) this.#drop(path, now);
    }
    for (const [path, { type }] of this.#given) {
      if (this.#seen.get(path)?.type === type || this.#isHidden(path)) {
        if (this.#missed.delete(path)) this.#state.changedAt = now;
      } else if (!this.#missed.has(path)) {
        this.#missed.set(path, now);
        this.#state.changedAt = now;
      }
    }
  }

  #isHidden(path: string): boolean {
    return this.#hidden.some((it) => path === it.path || path.startsWith(`${it.path}/`));
  }

  /** What has been missed for long enough: of a folder with all in it the folder alone. */
  #dueRemovals(now: number): string[] {
    if (this.#missed.size === 0) return [];
    const wantedMs = this.#options.settleMs * (this.#state.isSigned ? signShare : 1);
    const due = new Set<string>();
    for (const [path, since] of this.#missed) if (now - since >= wantedMs) due.add(path);
    // A folder with something in it that was seen is there.
    for (const path of this.#seen.keys())
      for (const folder of foldersOf(path)) if (this.#given.at(folder)?.type === "folder") due.delete(folder);
    return [...due].filter((path) => !foldersOf(path).some((folder) => due.has(folder)));
  }

  /** Finds out which files are complete. */
  #complete(openForWriting: () => ReadonlySet<string>, now: number): void {
    const state = this.#state;
    let open: ReadonlySet<string> | null = null;
    let vainLeft = this.#given.bytes * vainShare - this.#given.bytesInVain;
    for (const [path, pending] of this.#pending) {
      const wantedMs = quietMsWanted(path, pending, { ...this.#options, isSigned: state.isSigned });
      let isComplete = now - pending.since >= wantedMs;
      if (isComplete && pending.times > 0 && !state.isSigned) {
        const vain = this.#given.at(path)?.size ?? 0;
        isComplete = vain <= vainLeft;
        if (isComplete) vainLeft -= vain;
      }
      if (isComplete) {
        open ??= openForWriting();
        isComplete = !open.has(path) && !this.#isUnsendable(path, "file");
        if (open.has(path)) state.open = path;
      }
      if (!isComplete) this.#ready.delete(path);
      else if (!this.#ready.has(path)) this.#ready.set(path, now);
    }
  }

  /** Whether nothing but another name would help it. */
  #isUnsendable(path: string, type: Given["type"]): boolean {
    const clash = this.#given.clashOf(path, type);
    const isInTheWay = clash !== null && !this.#missed.has(clash);
    return this.#state.isNameWrong(path, isInTheWay ? clash : null);
  }

  /** Folders, and the end, if all else is as it was given. */
  #lastSteps(now: number): LiveStep[] {
    const counts = { files: this.#files, pending: this.#pending.size, missed: this.#missed.size };
    const isWhole = this.#state.isWhole(counts, now);
    if (!isWhole || this.#isMoved) return [];
    const steps: LiveStep[] = [];
    const isFirst = new Map<string, string>();
    for (const [path, entry] of this.#folders) {
      if (this.#given.at(path)?.version === versionOf(entry)) continue;
      const other = isFirst.get(foldPath(path)) ?? null;
      if (this.#isUnsendable(path, "folder") || this.#state.isNameWrong(path, other)) return [];
      isFirst.set(foldPath(path), path);
      steps.push({ kind: "member", path, entry });
    }
    // What is in a folder before the folder itself: programs that unpack set its time once.
    return [...steps.toReversed(), this.#state.ending];
  }

  /** What comes next in the stream, which counts as given then, the end as often as it is asked for; undefined: nothing now. */
  next(): LiveStep | undefined {
    if (this.#ending !== null) return this.#ending;
    const step = this.#nextRemoval() ?? this.#nextFile() ?? this.#last.shift();
    if (step !== undefined) this.#note(step);
    return step;
  }

  #nextRemoval(): LiveStep | undefined {
    const path = this.#removals.shift();
    if (path === undefined) return undefined;
    for (const missed of this.#missed.keys())
      if (missed === path || missed.startsWith(`${path}/`)) this.#missed.delete(missed);
    return this.#moved({ kind: "removed", path });
  }

  #nextFile(): LiveStep | undefined {
    for (const path of this.#ready.keys()) {
      const pending = this.#pending.get(path);
      // Something else has to be taken out first.
      if (pending === undefined || this.#given.clashOf(path, "file") !== null) continue;
      const { entry } = pending;
      this.#underWay.given(this.#steps + 1, { bytes: entry.size, since: this.#ready.get(path)! });
      this.#ready.delete(path);
      this.#pending.delete(path);
      return this.#moved({ kind: "member", path, entry });
    }
    return undefined;
  }

  #moved(step: LiveStep): LiveStep {
    this.#isMoved = true;
    this.#last = [];
    return step;
  }

  /** A file that was given was another one, or gone, when it was read: it goes again, and an end that was given is void. */
  changed(path: string, now: number): void {
    this.#ending = null;
    this.#given.spoil(path);
    this.#isMoved = true;
    this.#last = [];
    this.#state.changedAt = now;
  }

  /** What the end waits for, `null`: for nothing but who takes the steps. */
  get waiting(): Waiting | null {
    return this.#state.waiting;
  }

  /** Whether nothing but another look may be missing for the end. */
  get isLookWanted(): boolean {
    return this.#isMoved && this.#state.isSigned;
  }

  /** The server has the first `count` steps. */
  stored(count: number): void {
    this.#underWay.stored(count);
  }

  /** How far behind what is complete the server is. */
  behind(now: number): Behind {
    const ready = [...this.#ready].map(([path, since]) => {
      return { bytes: this.#pending.get(path)?.entry.size ?? 0, since };
    });
    return this.#underWay.behind(ready, now);
  }

  /** Whether this is what was given last of the file at a path. */
  isGiven(path: string, entry: LiveEntry): boolean {
    const given = this.#given.at(path);
    return given?.type === "file" && given.version === versionOf(entry);
  }

  /** So many files are there by what was given. */
  get files(): number {
    let files = 0;
    for (const [, { type }] of this.#given) if (type === "file") files += 1;
    return files;
  }

  /** Bytes of files that were given, those that were given in vain among them. */
  get bytes(): { readonly given: number; readonly inVain: number } {
    return { given: this.#given.bytes, inVain: this.#given.bytesInVain };
  }
}
