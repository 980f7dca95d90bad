// Folders beside the watched one that are sent along as datasets, such as the calibration and the configuration of an instrument: at a
// rhythm, each when it changed since. When the next look is due says the calendar, which outlives a restart; a clock that is set, in
// whichever direction, costs a look that is early, and nothing is sent by it that did not change.

import { type Clock, sleep } from "../base/clock.ts";
import { DyncError } from "../base/error.ts";
import { doubled, jittered, type Pauses } from "../base/pauses.ts";
import { isOfServer } from "../client/servers.ts";
import type { Receipt } from "../client/upload.ts";
import type { Sighted, Sighting } from "./folder/scan.ts";
import type { Prepared, Ready } from "./looker.ts";
import { refusalOf } from "./refusal.ts";
import { Remembering } from "./remembering.ts";
import type { Waiting } from "./watch-list.ts";

/** A folder that is sent along. */
export interface AlsoFolder {
  /** Absolute. */
  readonly path: string;
  /** What its datasets are called, before their time stamp. */
  readonly name: string;
  readonly everyMs: number;
}

/** What is remembered of it, in UTC as ISO 8601. */
export interface AlsoRecord {
  /** When it was last known that the server has it as it is. */
  readonly checkedAt: string | null;
  /** As what it was seen then. */
  readonly fingerprint: string | null;
  /** What was sent last. */
  readonly sent: AlsoSent | null;
  /** What was begun to be sent: the same is the same upload after a restart. */
  readonly begun: Pick<AlsoSent, "name" | "content"> | null;
}

export interface AlsoSent {
  /** Name on the server. */
  readonly name: string;
  /** Stands for the paths in it and what is in its files. */
  readonly content: string;
  /** The server's id. */
  readonly upload: string;
  readonly at: string;
}

export const nothingKnown: AlsoRecord = { checkedAt: null, fingerprint: null, sent: null, begun: null };

export interface AlsoParts {
  readonly clock: Clock;
  readonly settleMs: number;
  /** Numbers in [0, 1), for jitter. */
  readonly random: () => number;
  readonly memory: {
    find(path: string): AlsoRecord;
    note(path: string, record: AlsoRecord): void;
  };
  /** Looks at a folder; `null`: it is not there. */
  readonly look: (path: string, signal: AbortSignal) => Promise<Sighting | null>;
  /** The job of what was seen, under that name. */
  readonly prepare: (sighting: Sighted, name: string) => Prepared;
  /** Stands for the paths in it and what is in its files. Rejects with `DyncError`. */
  readonly contentOf: (ready: Ready, signal: AbortSignal) => Promise<string>;
  /** Rejects with `DyncError`. */
  readonly send: (ready: Ready, folder: AlsoFolder, signal: AbortSignal) => Promise<Receipt>;
  /** It cannot be written down what was sent, and why; `null`: it can be again. */
  readonly onUnwritten: (why: string | null) => void;
  readonly onWaiting: (folder: AlsoFolder, waiting: Waiting) => void;
  /** The server has it as it is; `isNew`: it was sent now, or begun to be before. */
  readonly onKnown: (folder: AlsoFolder, record: AlsoRecord, isNew: boolean) => void;
}

// A clock that was set, and a computer that slept, are found out so soon.
const lookAtClockMs = 60_000;
// What somebody may mend here is looked at the sooner.
const pauses: Pauses = { minMs: 15_000, maxMs: 60_000 };
const serverPauses: Pauses = { minMs: 15_000, maxMs: 10 * 60_000 };

/** Whether it is time to look at it again; `nowMs` and `checkedAt` are of the calendar, `sinceMs` has passed since then at least. */
export function isDue(
  { checkedAt }: Pick<AlsoRecord, "checkedAt">,
  everyMs: number,
  { nowMs, sinceMs }: { readonly nowMs: number; readonly sinceMs: number },
): boolean {
  if (checkedAt === null) return true;
  const ageMs = nowMs - Date.parse(checkedAt);
  // What is yet to come was written with another clock.
  return sinceMs >= everyMs || ageMs >= everyMs || ageMs < 0;
}

/** `calibration` of a moment: `calibration-20261127T120345Z`. */
export function stampedName(name: string, at: Date): string {
  return `${name}-${at
    .toISOString()
    .replace(/\.\d+Z$/, "Z")
    .replaceAll(/[-:]/g, "")}`;
}

export class AlsoSender {
  readonly #parts: AlsoParts;
  readonly #folders: readonly AlsoFolder[];
  readonly #remembering: Remembering<AlsoRecord>;
  /** What each waits for, by path. */
  readonly #waiting = new Map<string, Waiting>();
  /** What is in each, as it was read last. */
  readonly #contents = new Map<string, { readonly fingerprint: string; readonly content: string }>();
  /** As what and with which metadata the server refused it, and until when it is not asked again. */
  readonly #refused = new Map<string, { readonly key: string; readonly until: number }>();

  constructor(folders: readonly AlsoFolder[], parts: AlsoParts) {
    this.#folders = folders;
    this.#parts = parts;
    this.#remembering = new Remembering({
      note: (path, record) => parts.memory.note(path, record),
      onFault: (why) => parts.onUnwritten(why),
      onOver: () => parts.onUnwritten(null),
    });
  }

  #find(path: string): AlsoRecord {
    return this.#remembering.unwritten(path) ?? this.#parts.memory.find(path);
  }

  /** What it knows of each. */
  *states(): Generator<{
    readonly folder: AlsoFolder;
    readonly record: AlsoRecord;
    readonly waiting: Waiting | null;
  }> {
    for (const folder of this.#folders) {
      const record = this.#find(folder.path);
      yield { folder, record, waiting: this.#waiting.get(folder.path) ?? null };
    }
  }

  /** What some of them wait for. */
  waiting(): Iterable<Waiting> {
    return this.#waiting.values();
  }

  /** Does it until the signal aborts; rejects then. */
  async forever(signal: AbortSignal): Promise<void> {
    await Promise.all(this.#folders.map((folder) => this.#keepUp(folder, signal)));
  }

  /** Sends what is due and has changed. Resolves to what the server could not be reached for, `null` where it could. */
  async once(signal: AbortSignal): Promise<DyncError | null> {
    const { clock } = this.#parts;
    const isNow = ({ path, everyMs }: AlsoFolder): boolean =>
      isDue(this.#find(path), everyMs, { nowMs: clock.date().getTime(), sinceMs: 0 });
    const ends = await Promise.all(this.#folders.filter(isNow).map((folder) => this.#round(folder, signal)));
    return ends.find((end) => end instanceof DyncError) ?? null;
  }

  async #keepUp(folder: AlsoFolder, signal: AbortSignal): Promise<never> {
    const { clock, random } = this.#parts;
    // When that was is known by the calendar alone.
    let checkedAt = Number.POSITIVE_INFINITY;
    for (let failures = 0; ; ) {
      const passed = { nowMs: clock.date().getTime(), sinceMs: clock.now() - checkedAt };
      if (!isDue(this.#find(folder.path), folder.everyMs, passed)) {
        await sleep(clock, Math.min(lookAtClockMs, folder.everyMs), signal);
        this.#remembering.again();
        continue;
      }
      const end = await this.#round(folder, signal);
      if (end === "known") [checkedAt, failures] = [clock.now(), 0];
      else {
        const each = end === "waits" ? pauses : serverPauses;
        await sleep(clock, jittered(doubled(each, failures++), random()), signal);
      }
    }
  }

  /** Looks at it until it is quiet, and sends it if it has changed. Resolves to why the server could not be reached, where that was so. */
  async #round(folder: AlsoFolder, signal: AbortSignal): Promise<"known" | "waits" | DyncError> {
    const { prepare, clock } = this.#parts;
    const sighting = await this.#quiet(folder, signal);
    if (sighting === null) return "waits";
    const { path } = folder;
    const record = this.#find(path);
    if (record.sent !== null && record.fingerprint === sighting.fingerprint.text)
      return this.#known(folder, record, sighting);
    const prepared = prepare(sighting, stampedName(folder.name, clock.date()));
    if (prepared.type === "waits") return this.#waits(folder, prepared);
    const key = `${sighting.fingerprint.text}\0${prepared.job.metadataText}`;
    const refused = this.#refused.get(path);
    if (refused?.key === key && clock.now() < refused.until) return "waits";
    const ready: Ready = { sighting, job: prepared.job, key };
    try {
      const content = await this.#contentOf(ready, signal);
      if (record.sent?.content === content) return this.#known(folder, record, sighting);
      return await this.#send(folder, { ready, content, record }, signal);
    } catch (error) {
      if (!(error instanceof DyncError) || signal.aborted) throw error;
      const refusal = refusalOf(error);
      return this.#waits(folder, refusal ?? { reason: "retrying", detail: error.message });
    }
  }

  /** Resolves to what is there when it was the same for long enough; `null`: it waits for something else. */
  async #quiet(folder: AlsoFolder, signal: AbortSignal): Promise<Sighting | null> {
    const { look, clock, settleMs } = this.#parts;
    const known = this.#find(folder.path);
    for (let before: string | null = null; ; ) {
      const sighting = await look(folder.path, signal);
      const waiting = whyNot(sighting);
      if (sighting === null || waiting !== null) {
        this.#waits(folder, waiting ?? notThere);
        return null;
      }
      const { text } = sighting.fingerprint;
      if (text === before || (known.sent !== null && known.fingerprint === text)) return sighting;
      this.#waits(folder, { reason: before === null ? "settling" : "changing", detail: "" });
      before = text;
      await sleep(clock, settleMs, signal);
    }
  }

  async #contentOf(ready: Ready, signal: AbortSignal): Promise<string> {
    const { at, fingerprint } = ready.sighting;
    const known = this.#contents.get(at);
    if (known?.fingerprint === fingerprint.text) return known.content;
    const content = await this.#parts.contentOf(ready, signal);
    this.#contents.set(at, { fingerprint: fingerprint.text, content });
    return content;
  }

  async #send(
    folder: AlsoFolder,
    {
      ready,
      content,
      record,
    }: { readonly ready: Ready; readonly content: string; readonly record: AlsoRecord },
    signal: AbortSignal,
  ): Promise<"known" | "waits" | DyncError> {
    const { send, clock, prepare } = this.#parts;
    const { path } = folder;
    const name =
      record.begun?.content === content ? record.begun.name : stampedName(folder.name, clock.date());
    const prepared = prepare(ready.sighting, name);
    if (prepared.type === "waits") return this.#waits(folder, prepared);
    // Before it is sent: whatever happens then, it is the same upload again.
    if (!this.#remembering.note(path, { ...record, begun: { name, content } }))
      return this.#waits(folder, { reason: "retrying", detail: "What is begun cannot be written down" });
    try {
      const receipt = await send({ ...ready, job: prepared.job }, folder, signal);
      const at = clock.date().toISOString();
      const sent = { name: receipt.storedAs ?? name, content, upload: receipt.uploadId, at };
      return this.#known(folder, { ...record, sent, begun: null }, ready.sighting, true);
    } catch (error) {
      if (!(error instanceof DyncError) || signal.aborted) throw error;
      // The clock was set back: the next one has another name.
      if (error.code === "name-taken") this.#remembering.note(path, { ...record, begun: null });
      const refusal = refusalOf(error);
      if (refusal !== null && error.code !== "name-taken")
        this.#refused.set(path, { key: ready.key, until: clock.now() + folder.everyMs });
      this.#waits(folder, refusal ?? { reason: "retrying", detail: error.message });
      return isOfServer(error) ? error : "waits";
    }
  }

  #known(folder: AlsoFolder, record: AlsoRecord, { fingerprint }: Sighted, isNew = false): "known" {
    const { onKnown, clock } = this.#parts;
    const checkedAt = clock.date().toISOString();
    const known = { ...record, fingerprint: fingerprint.text, checkedAt, begun: null };
    this.#remembering.note(folder.path, known);
    this.#waiting.delete(folder.path);
    this.#refused.delete(folder.path);
    onKnown(folder, known, isNew);
    return "known";
  }

  #waits(folder: AlsoFolder, { reason, detail }: Waiting): "waits" {
    const before = this.#waiting.get(folder.path);
    this.#waiting.set(folder.path, { reason, detail });
    if (before?.reason !== reason || before.detail !== detail)
      this.#parts.onWaiting(folder, { reason, detail });
    return "waits";
  }
}

/** Why what was seen cannot be sent as it is. */
export function whyNot(sighting: Sighting | null): Waiting | null {
  if (sighting === null) return notThere;
  if (sighting.kind === "file") return { reason: "unsendable", detail: "It is a file, and no folder" };
  if (sighting.fault !== null) return { reason: "unreadable", detail: sighting.fault };
  return sighting.fingerprint.files === 0 ? { reason: "empty", detail: "" } : null;
}

const notThere: Waiting = { reason: "not-reachable", detail: "It is not there" };
