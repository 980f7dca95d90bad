// One look at a watched folder after the other: what is there goes to the list, which decides; what is quiet is asked whether it is
// complete; and of what is, everything else that may be against sending it is found out. What is left is ready.

import type { Clock } from "../base/clock.ts";
import { localTime } from "../base/local-time.ts";
import type { Job } from "../client/job.ts";
import type { CompletionRule } from "./completion.ts";
import { type Decided, overruled } from "./decision.ts";
import { NotReachable, type Scanner, type Sighting } from "./folder/scan.ts";
import type { Waiting, WatchList } from "./watch-list.ts";

/** Something that is to be sent. */
export interface Ready {
  readonly sighting: Sighting;
  readonly job: Job;
  /** Stands for its name and metadata. */
  readonly key: string;
}

/** What came of making a job of an entry: `key` is the same as long as name and metadata are. */
export type Prepared =
  | { readonly type: "job"; readonly job: Job; readonly key: string }
  | ({ readonly type: "waits" } & Waiting);

export interface LookerParts {
  readonly clock: Clock;
  readonly scanner: Pick<Scanner, "entries" | "look">;
  readonly list: WatchList;
  readonly rule: CompletionRule;
  /** The fingerprint with which an entry was sent, or `null`. */
  readonly sentAs: (path: string) => string | null;
  readonly prepare: (sighting: Sighting) => Promise<Prepared>;
  /** What persons decided, as it is read with each look. */
  readonly decisions?: { refresh(): void; of(path: string): Decided | null } | undefined;
  /** Which entries are what is left of something that was sent. */
  readonly halfTaken?: { refresh(): void; isPart(sighting: Sighting): Promise<boolean> } | undefined;
  /** Which of these another program has open for writing. */
  readonly openForWriting: () => ReadonlySet<string>;
}

// Of very many that are complete at once the others come with the next look.
const readyMax = 1000;

export class Looker {
  readonly #parts: LookerParts;

  constructor(parts: LookerParts) {
    this.#parts = parts;
  }

  /** Looks at everything. Resolves to what is ready now; that counts as taken. */
  async all(signal: AbortSignal): Promise<readonly Ready[]> {
    const { scanner, list, clock } = this.#parts;
    const complete: Sighting[] = [];
    this.#refresh();
    list.begin();
    try {
      for await (const sighting of scanner.entries(signal))
        if (await this.#isComplete(sighting, complete.length)) complete.push(sighting);
    } catch (error) {
      if (!(error instanceof NotReachable)) throw error;
      list.lost(error.message, clock.now());
      return [];
    }
    list.end(clock.now());
    return await this.#ready(complete);
  }

  #refresh(): void {
    this.#parts.decisions?.refresh();
    this.#parts.halfTaken?.refresh();
  }

  /** Looks again at these only. As `all`. */
  async some(paths: Iterable<string>, signal: AbortSignal): Promise<readonly Ready[]> {
    const complete: Sighting[] = [];
    this.#refresh();
    for (const path of paths) {
      const sighting = await this.#parts.scanner.look(path, signal);
      if (sighting !== null && (await this.#isComplete(sighting, complete.length))) complete.push(sighting);
    }
    return await this.#ready(complete);
  }

  async #isComplete(sighting: Sighting, taken: number): Promise<boolean> {
    const { list, rule, clock, sentAs, decisions } = this.#parts;
    const { path, view } = sighting;
    const decided = decisions?.of(path) ?? null;
    const held = await this.#held(sighting, decided);
    if (held !== null) {
      list.sawHeld(sighting, clock.now(), () => sentAs(path), held);
      return false;
    }
    if (list.saw(sighting, clock.now(), () => sentAs(path)) === "nothing") return false;
    const completion = await rule.complete(view);
    const counts = decided === null ? completion : overruled(completion);
    if (!list.completed(path, counts, clock.now())) return false;
    if (taken < readyMax) return true;
    list.waits(path, { reason: "queued", detail: "" });
    return false;
  }

  /** Why it is not to be sent, whatever there is in it; `null`: it may be. */
  async #held(sighting: Sighting, decided: Decided | null): Promise<Waiting | null> {
    if (decided?.decision === "leave")
      return { reason: "left", detail: `${decided.by}, ${localTime(decided.at)}` };
    const { halfTaken } = this.#parts;
    if (decided !== null || !(await halfTaken?.isPart(sighting))) return null;
    return { reason: "taken-in-part", detail: "" };
  }

  async #ready(complete: readonly Sighting[]): Promise<readonly Ready[]> {
    if (complete.length === 0) return [];
    const { list, prepare, openForWriting } = this.#parts;
    const open = openForWriting();
    const ready: Ready[] = [];
    for (const sighting of complete) {
      const { path } = sighting;
      const prepared = isOpen(sighting, open) ?? (await prepare(sighting));
      if (prepared.type === "waits") list.waits(path, prepared);
      else if (list.mayBeSent(path, prepared.key) && list.isStill(path, sighting.fingerprint.text)) {
        list.queued(path);
        ready.push({ sighting, job: prepared.job, key: prepared.key });
      }
    }
    return ready;
  }
}

function isOpen({ at, kind }: Sighting, open: ReadonlySet<string>): Prepared | null {
  for (const path of open) {
    const isIts = kind === "file" ? path === at : path.startsWith(`${at}/`);
    if (!isIts) continue;
    const detail = kind === "file" ? "" : path.slice(at.length + 1);
    return { type: "waits", reason: "open-for-writing", detail };
  }
  return null;
}
