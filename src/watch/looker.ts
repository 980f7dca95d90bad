// One look at a watched folder after the other: what is there goes to the list, which decides; what is quiet is asked whether it is
// complete; and of what is, everything else that may be against sending it is found out. What is left is ready.

import type { Clock } from "../base/clock.ts";
import { localTime } from "../base/local-time.ts";
import type { Job } from "../client/job.ts";
import type { Completion, CompletionRule } from "./completion.ts";
import { type Decided, overruled } from "./decision.ts";
import { Beside, NotReachable, type Scanner, type Sighted, type Sighting } from "./folder/scan.ts";
import { failureIn } from "./live/live-state.ts";
import type { WaitReason } from "./wait-reason.ts";
import type { IsBegun, Step, Waiting, WatchList } from "./watch-list.ts";

/** Something that is to be sent. Very many may wait for their turn: of how they were seen no more is kept than that. */
export interface Ready {
  readonly sighting: Sighted;
  readonly job: Job;
  /** Stands for its name and metadata. */
  readonly key: string;
  /** Of an acquisition of several files: the others, each by its name with the fingerprint that it had. */
  readonly others?: Others;
}

/** `null`: it was not to be seen any more. */
type Others = ReadonlyMap<string, string | null>;

/** What came of making a job of an entry: `key` is the same as long as name and metadata are. */
export type Prepared =
  | { readonly type: "job"; readonly job: Job; readonly key: string }
  | ({ readonly type: "waits" } & Waiting);

/** Begins the uploads of runs that are still being written. */
export interface RunBeginner {
  /** Whether there is room for one more, and the server takes such. */
  readonly isOpen: boolean;
  /** Whether the upload of the entry at a path was begun, and is not finished. */
  isBegun(path: string): boolean;
  /** Begins one, of which its rule said `completion`. Resolves to what is against it; `null`: it began. */
  begin(sighting: Sighting, completion: Completion): Promise<Waiting | null>;
}

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
  /** Where runs are sent while they are written. */
  readonly live?: RunBeginner | undefined;
  /** Which of these another program has open for writing. */
  readonly openForWriting: () => ReadonlySet<string>;
}

/** So many are ready at once, at most: of very many that are complete the others wait for their turn. */
export const readyMax = 1000;
// What a look asks again that had something against it: more come in turn, so that nothing that is new waits for them.
const askedAgainMax = 1000;
const askedReasons: ReadonlySet<WaitReason | null> = new Set([
  "metadata-missing",
  "metadata-faulty",
  "unsendable",
  "open-for-writing",
  "hash-mismatch",
  "refused",
] as const);

export class Looker {
  readonly #parts: LookerParts;
  /** So many that had something against them the next look leaves out first. */
  #againFrom = 0;

  constructor(parts: LookerParts) {
    this.#parts = parts;
  }

  /** Looks at everything. Resolves to what is ready now, at most `room`; that counts as taken. */
  async all(signal: AbortSignal, room = readyMax): Promise<readonly Ready[]> {
    const { scanner, list, clock } = this.#parts;
    const complete: Sighting[] = [];
    let [fresh, again] = [0, 0];
    const from = this.#againFrom;
    this.#refresh();
    list.begin();
    try {
      for await (const sighting of scanner.entries(signal, (path) => list.rests(path))) {
        const isComplete = this.#isComplete(sighting);
        if (!(isComplete instanceof Promise ? await isComplete : isComplete)) continue;
        if (askedReasons.has(list.reasonOf(sighting.path))) {
          if (again >= from && again < from + askedAgainMax) complete.push(sighting);
          again += 1;
        } else if (fresh < room) {
          complete.push(sighting);
          fresh += 1;
        } else list.waits(sighting.path, { reason: "queued", detail: "" });
      }
    } catch (error) {
      if (!(error instanceof NotReachable)) throw error;
      list.lost(error.message, clock.now());
      return [];
    }
    list.end(clock.now());
    this.#againFrom = again > from + askedAgainMax ? from + askedAgainMax : 0;
    return await this.#ready(complete, signal);
  }

  #refresh(): void {
    this.#parts.decisions?.refresh();
    this.#parts.halfTaken?.refresh();
  }

  /** Looks again at these only. As `all`. */
  async some(paths: Iterable<string>, signal: AbortSignal): Promise<readonly Ready[]> {
    const { scanner, list, clock } = this.#parts;
    const complete: Sighting[] = [];
    const beside = new Beside();
    this.#refresh();
    for (const path of paths) {
      const sighting = await scanner.look(path, signal, beside);
      if (sighting === null) list.missed(path, clock.now());
      else if (await this.#isComplete(sighting)) complete.push(sighting);
    }
    return await this.#ready(complete, signal);
  }

  /** Whether an entry that is seen is complete. Most are not asked about, and to wait for each would take longer than to look at it. */
  #isComplete(sighting: Sighting): boolean | Promise<boolean> {
    const decided = this.#parts.decisions?.of(sighting.path) ?? null;
    const held = this.#held(sighting, decided);
    return held instanceof Promise
      ? held.then((it) => this.#isCompleteUnless(it, sighting, decided))
      : this.#isCompleteUnless(held, sighting, decided);
  }

  #isCompleteUnless(
    held: Waiting | null,
    sighting: Sighting,
    decided: Decided | null,
  ): boolean | Promise<boolean> {
    const { list, clock, sentAs } = this.#parts;
    const { path } = sighting;
    const isSentAs = (): string | null => sentAs(path);
    if (held !== null) {
      list.sawHeld(sighting, clock.now(), isSentAs, held);
      return false;
    }
    const step = list.saw(sighting, clock.now(), isSentAs, this.#isBegun);
    return step === "nothing" ? false : this.#isCompleteByRule(sighting, decided, step);
  }

  /** `undefined`: nothing may be sent before it is complete. */
  get #isBegun(): IsBegun | undefined {
    const { live } = this.#parts;
    return live?.isOpen ? (path) => live.isBegun(path) : undefined;
  }

  async #isCompleteByRule(
    sighting: Sighting,
    decided: Decided | null,
    step: Exclude<Step, "nothing">,
  ): Promise<boolean> {
    const { list, rule, clock, live } = this.#parts;
    const { path, view } = sighting;
    const said = await rule.complete(view);
    const completion = decided === null ? said : overruled(said);
    const isBegun = this.#isBegun;
    if (live && isBegun && list.mayBegin(path, isBegun) && begins(completion, isBegun(path))) {
      const against = await live.begin(sighting, completion);
      if (against !== null) list.waits(path, against);
      return false;
    }
    // Who follows a run while it is written believes at once that it ended badly.
    if (step === "ask" || failureIn(completion) !== null)
      return list.completed(path, completion, clock.now());
    list.waits(path, step.otherwise);
    return false;
  }

  /** Why it is not to be sent, whatever there is in it; `null`: it may be. */
  #held(sighting: Sighting, decided: Decided | null): Waiting | null | Promise<Waiting | null> {
    if (decided?.decision === "leave")
      return { reason: "left", detail: `${decided.by}, ${localTime(decided.at)}` };
    const { halfTaken } = this.#parts;
    // A file goes at once.
    if (decided !== null || halfTaken === undefined || sighting.kind === "file") return null;
    return halfTaken.isPart(sighting).then((is) => (is ? { reason: "taken-in-part", detail: "" } : null));
  }

  /** Whether what was ready is as it was then, and so is all else of its acquisition: it may have waited for long. */
  async isStill({ sighting, others = new Map() }: Ready, signal: AbortSignal): Promise<boolean> {
    const { scanner } = this.#parts;
    const { path, fingerprint } = sighting;
    const now = await scanner.look(path, signal);
    if (now?.fingerprint.text !== fingerprint.text) return false;
    if (others.size === 0 && this.#isDecided(path)) return true;
    const names = this.#othersOf(now);
    if (names.length !== others.size) return false;
    for (const name of names) {
      const other = await scanner.look(besides(path, name), signal);
      if (others.get(name) !== (other?.fingerprint.text ?? null)) return false;
    }
    return true;
  }

  #isDecided(path: string): boolean {
    return (this.#parts.decisions?.of(path) ?? null) !== null;
  }

  /** The names of the others of its acquisition. */
  #othersOf({ view }: Sighting): readonly string[] {
    return this.#parts.rule.belonging?.(view) ?? [];
  }

  /** The others of its acquisition, or what it waits for where one of them is not complete; `done` are those that are, by this look. */
  async #withOthers(
    sighting: Sighting,
    done: ReadonlyMap<string, Sighting>,
    signal: AbortSignal,
  ): Promise<Others | Extract<Prepared, { type: "waits" }>> {
    const { list, scanner } = this.#parts;
    const { path } = sighting;
    const others = new Map<string, string | null>();
    for (const name of this.#isDecided(path) ? [] : this.#othersOf(sighting)) {
      const other = besides(path, name);
      const seen = done.get(other) ?? (await scanner.look(other, signal));
      const text = seen?.fingerprint.text ?? null;
      const isWhole = done.has(other) || isWholeBesides.has(list.reasonOf(other));
      if (!isWhole || (text !== null && list.hasChanged(other, text))) {
        const detail = `${name}, which is of the same acquisition, is not complete yet`;
        return { type: "waits", reason: "incomplete", detail };
      }
      others.set(name, text);
    }
    return others;
  }

  async #ready(complete: readonly Sighting[], signal: AbortSignal): Promise<readonly Ready[]> {
    if (complete.length === 0) return [];
    const { list, prepare, openForWriting } = this.#parts;
    const open = openForWriting();
    const ready: Ready[] = [];
    const done = new Map(complete.filter((it) => isOpen(it, open) === null).map((it) => [it.path, it]));
    for (const sighting of complete) {
      const { path, kind, fingerprint, at } = sighting;
      const others = isOpen(sighting, open) ?? (await this.#withOthers(sighting, done, signal));
      const prepared = "type" in others ? others : await prepare(sighting);
      if (prepared.type === "waits") list.waits(path, prepared);
      else if (list.mayBeSent(path, prepared.key) && list.isStill(path, fingerprint.text)) {
        list.queued(path);
        const seen = { path, kind, fingerprint, at };
        const { job, key } = prepared;
        ready.push({
          sighting: seen,
          job,
          key,
          ...("type" in others || others.size === 0 ? {} : { others }),
        });
      }
    }
    return ready;
  }
}

/** The path of what lies beside an entry. */
function besides(path: string, name: string): string {
  return `${path.slice(0, path.lastIndexOf("/") + 1)}${name}`;
}

/** What waits for these is complete by itself. */
const isWholeBesides: ReadonlySet<WaitReason | null> = new Set([
  null,
  "queued",
  "retrying",
  "refused",
  "left",
  "metadata-missing",
  "metadata-faulty",
  "unsendable",
] as const);

/** Whether an entry goes while it is written, by what its rule says; what was begun, and is complete by now, goes on. */
function begins(completion: Completion, isBegun: boolean): boolean {
  if (failureIn(completion) !== null) return false;
  return completion.type === "waits" ? completion.reason !== "empty" : isBegun;
}

function isOpen(
  { at, kind }: Sighting,
  open: ReadonlySet<string>,
): Extract<Prepared, { type: "waits" }> | null {
  for (const path of open) {
    const isIts = kind === "file" ? path === at : path.startsWith(`${at}/`);
    if (!isIts) continue;
    const detail = kind === "file" ? "" : path.slice(at.length + 1);
    return { type: "waits", reason: "open-for-writing", detail };
  }
  return null;
}
