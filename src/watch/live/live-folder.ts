// The feed of a run in a real folder: looks at it again and again, and lets a follower decide. A look at all of it comes the more rarely the
// more work it is; whether the sign of the end is there is asked in between, and once it is, looks come as fast as they can be of use.

import { lstatSync } from "node:fs";
import { basename, dirname } from "node:path";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "../../base/clock.ts";
import { DyncError } from "../../base/error.ts";
import { IoPace } from "../../base/io-pace.ts";
import { whyUnreadable } from "../../base/system-errors.ts";
import { systemPathBytes } from "../../base/system-path.ts";
import { LeftOut } from "../../client/listing/left-out.ts";
import { namesIn } from "../../client/listing/names-in.ts";
import { anyOf } from "../../client/listing/pattern.ts";
import type { Selection } from "../../client/listing/selection.ts";
import { walk } from "../../client/listing/walk.ts";
import type { LiveFeed, LiveStep } from "../../client/live/feed.ts";
import { liveEntryOf } from "../../client/live/live-entry.ts";
import { isJunk as isSystemJunk } from "../../tar/member-path.ts";
import type { Completion, CompletionRule } from "../completion.ts";
import { EntryOnDisk } from "../folder/entry-view.ts";
import { SameRoot } from "../folder/same-root.ts";
import { Hurry } from "../hurry.ts";
import { costOf, pauseAfter } from "../pace.ts";
import type { Waiting } from "../watch-list.ts";
import type { Behind } from "./behind.ts";
import { Follower, type FollowerOptions } from "./follower.ts";
import { failureIn } from "./live-state.ts";

export interface LiveFolderParts extends FollowerOptions {
  readonly clock: Clock;
  /** Absolute and real. */
  readonly folder: string;
  /** What of it is sent. */
  readonly selection: Selection;
  /** Says when the run is complete, or how else it ended. */
  readonly rule: Pick<CompletionRule, "complete">;
  /** Real paths of what programs have open for writing in a folder. */
  readonly openForWriting: (folder: string) => ReadonlySet<string>;
  /** Calls back when the system says that something in the folder changed; what that returns stops it. */
  readonly onChange: (folder: string, hurry: () => void) => () => void;
  /** Is told what is left out, when all else was given. */
  readonly onNote: (text: string) => void;
}

export class LiveFolder implements LiveFeed {
  readonly #parts: LiveFolderParts;
  readonly #follower: Follower;
  readonly #hurry = new Hurry();
  readonly #stop = new AbortController();
  readonly #looking: Promise<void>;
  /** Who waits for a look to be over. */
  #waiters: (() => void)[] = [];
  /** What ended the looks. */
  #failure: unknown = null;
  readonly #root: SameRoot;
  #leftOut: LeftOut | null = null;

  private constructor(parts: LiveFolderParts, steps: Iterable<LiveStep>) {
    this.#parts = parts;
    this.#root = new SameRoot(parts.folder);
    this.#follower = new Follower(parts, steps, parts.clock.now());
    this.#looking = this.#lookLoop(this.#stop.signal).catch((error: unknown) => {
      this.#failure = error;
      this.#wake();
    });
  }

  /** `steps` are those that were given before, in their order. Rejects with `DyncError` ("source") where the folder cannot be read. */
  static async open(
    parts: LiveFolderParts,
    steps: Iterable<LiveStep>,
    signal: AbortSignal,
  ): Promise<LiveFolder> {
    const pace = new IoPace(parts.clock);
    await namesIn(parts.folder, pace).catch((cause: unknown) => {
      const text = `Cannot read "${parts.folder}": ${whyUnreadable(cause)}`;
      throw new DyncError("source", text, { cause });
    });
    signal.throwIfAborted();
    return new LiveFolder(parts, steps);
  }

  next(): LiveStep | undefined {
    const step = this.#follower.next();
    if (step?.kind === "end") {
      this.#leftOut?.tell(this.#parts.onNote);
      this.#leftOut = null;
    }
    return step;
  }

  async more(signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#failure !== null) throw this.#failure;
    // Nothing but a look is between the last file and the end.
    if (this.#follower.isLookWanted) this.#hurry.now();
    let leave = (): void => {};
    await new Promise<void>((resolve) => {
      leave = resolve;
      signal.addEventListener("abort", leave, { once: true });
      this.#waiters.push(resolve);
    });
    signal.removeEventListener("abort", leave);
    signal.throwIfAborted();
    if (this.#failure !== null) throw this.#failure;
  }

  changed(path: string): void {
    this.#follower.changed(path, this.#parts.clock.now());
  }

  stored(count: number): void {
    this.#follower.stored(count);
  }

  async close(): Promise<void> {
    this.#stop.abort(new Error("closed"));
    await this.#looking;
  }

  /** Whether what lies there is what was given last, and all of it. Also when nobody asks for steps any more. */
  async isAsGiven(): Promise<boolean> {
    const { folder, selection } = this.#parts;
    let files = 0;
    try {
      for await (const piece of walk(folder, selection, new AbortController().signal))
        for (const found of piece) {
          if (found.type === "unreadable") return false;
          if (found.type !== "file") continue;
          if (!this.#follower.isGiven(found.path, liveEntryOf("file", found.stats))) return false;
          files += 1;
        }
    } catch (error) {
      if (error instanceof DyncError) return false;
      throw error;
    }
    return files === this.#follower.files;
  }

  /** What the end of the run waits for; `null`: for nothing but what is under way. */
  get waiting(): Waiting | null {
    return this.#follower.waiting;
  }

  get behind(): Behind {
    return this.#follower.behind(this.#parts.clock.now());
  }

  async #lookLoop(signal: AbortSignal): Promise<void> {
    const { clock, folder, rule, onChange, settleMs } = this.#parts;
    const stopEvents = onChange(folder, () => this.#hurry.now());
    try {
      let wholeDueAt = clock.now();
      let hurriedFrom = wholeDueAt;
      while (!signal.aborted) {
        let completion: Completion = { type: "by-quiet" };
        // Asked before the look: what was written before the sign is seen by a look that begins behind it.
        const askCost = await costOf(clock, async () => {
          completion = await rule.complete(await this.#view());
        });
        let now = clock.now();
        const isOver = isEndOf(completion);
        if (isOver || now >= wholeDueAt || (this.#hurry.isAsked && now >= hurriedFrom)) {
          this.#hurry.done();
          const cost = await costOf(clock, () => this.#look(completion, signal));
          now = clock.now();
          wholeDueAt = now + pauseAfter(cost, settleMs, false);
          hurriedFrom = now + (isOver ? 0 : pauseAfter(cost, settleMs, true));
          this.#wake();
          if (isOver) wholeDueAt = now + pauseAfter({ ...cost, cpuMs: 0 }, settleMs, true);
        }
        const until = Math.min(wholeDueAt, now + pauseAfter(askCost, settleMs, false));
        await this.#hurry.sleep(clock, { until, hurriedFrom }, signal);
      }
    } finally {
      stopEvents();
    }
  }

  async #view(): Promise<EntryOnDisk> {
    const { folder, selection, clock } = this.#parts;
    const isExcluded = anyOf(selection.exclude, process.platform === "win32");
    const above = dirname(folder);
    const siblings = await namesIn(above, new IoPace(clock)).catch(() => []);
    return new EntryOnDisk(
      {
        ...{ at: folder, name: basename(folder), kind: "folder", siblings: () => siblings },
        stats: lstatSync(systemPathBytes(above)),
      },
      (path, isFolder) => (!selection.all && isSystemJunk(path)) || isExcluded(path, isFolder),
    );
  }

  /** Looks at all of it. */
  async #look(completion: Completion, signal: AbortSignal): Promise<void> {
    const { clock, folder, selection, openForWriting } = this.#parts;
    const follower = this.#follower;
    const leftOut = new LeftOut(folder, selection);
    const rootBefore = this.#root.fault();
    if (rootBefore !== null) return follower.lost(rootBefore, clock.now());
    follower.begin();
    try {
      for await (const piece of walk(folder, selection, signal)) {
        const now = clock.now();
        for (const found of piece) {
          if (found.type === "unreadable") follower.hidden(found.path, found.error.message);
          else if (found.type === "junk" || found.type === "left-out") leftOut.note(found);
          else {
            const { path, type, stats } = found;
            follower.saw(path, liveEntryOf(type, stats), now, stats.birthtimeNs);
          }
        }
        await setImmediate();
      }
    } catch (error) {
      if (!(error instanceof DyncError)) throw error;
      return follower.lost(error.message, clock.now());
    }
    const rootAfter = this.#root.fault();
    if (rootAfter !== null) return follower.lost(rootAfter, clock.now());
    const { fault } = leftOut;
    if (fault !== null) follower.hidden("", fault.message);
    this.#leftOut = leftOut;
    follower.end(completion, () => within(folder, openForWriting(folder)), clock.now());
  }

  #wake(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    for (const waiter of waiters) waiter();
  }
}

function isEndOf(completion: Completion): boolean {
  return completion.type === "complete" || failureIn(completion) !== null;
}

/** Paths from `folder` on of what lies in it. */
function within(folder: string, paths: ReadonlySet<string>): ReadonlySet<string> {
  const start = folder.endsWith("/") ? folder : `${folder}/`;
  return new Set([...paths].filter((it) => it.startsWith(start)).map((it) => it.slice(start.length)));
}
