// Looks every minute whether one of the steward's alarms holds, and writes down what is to be told of it: with what was told before, in
// one step, so that neither a restart nor a crash tells anything twice or forgets that it is over. Hooks tell it, as they tell of uploads.

import { type Alarm, type Finding, type Firing, type Notice, stepOf } from "../alarms/alarm.ts";
import { alarmBody, toldAlarm } from "../alarms/told-alarm.ts";
import { CalendarShift } from "../base/calendar-shift.ts";
import type { CancelTimer, Clock } from "../base/clock.ts";
import { messageOf } from "../base/error.ts";
import type { Logger } from "../base/log.ts";
import type { NewNotice } from "../catalogue/alarm-book.ts";
import type { Catalogue } from "../catalogue/catalogue.ts";
import type { Hook } from "../hooks/hook.ts";
import type { AfterHooks } from "./after-hooks.ts";
import { AlarmFacts, type AlarmFactsParts } from "./alarm-facts.ts";

export interface AlarmsParts extends AlarmFactsParts {
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Those that are configured now. */
  readonly alarmsOf: () => readonly Alarm[];
  readonly hooksOf: () => readonly Hook[];
  /** Tells what was written down. */
  readonly hooks: Pick<AfterHooks, "look">;
  /** Whether this server is the one that looks, of all that share the catalogue. */
  readonly leads: () => boolean;
  /** An id that no other notice and no upload has. */
  readonly newId: () => string;
  /** Name of the machine that the server runs on. */
  readonly server: string;
}

/** An alarm that was told, and what it is about. */
export type ShownAlarm = Firing & { readonly when: Alarm["condition"]["when"] };

const lookEveryMs = 60_000;
// So far the calendar may be set without that anybody needs to doubt it.
const jumpMs = 10 * 60_000;
const restMs = 10 * 60_000;

export class Alarms {
  readonly #parts: AlarmsParts;
  readonly #facts: AlarmFacts;
  #timer: CancelTimer | null = null;
  readonly #stop = new AbortController();
  #looking: Promise<void> = Promise.resolve();
  readonly #shift: CalendarShift;
  /** Nothing is looked at before (monotonic ms): the calendar jumped, and may jump back. */
  #restsUntil = Number.NEGATIVE_INFINITY;
  /** Alarms of which something could not be looked up. */
  readonly #troubled = new Set<string>();

  constructor(parts: AlarmsParts) {
    this.#parts = parts;
    this.#facts = new AlarmFacts(parts);
    this.#shift = new CalendarShift(parts.clock);
  }

  /** Looks now and every minute, while there are alarms. To be called at the start, and when others are configured. */
  changed(): void {
    if (this.#stop.signal.aborted) return;
    this.#timer?.();
    this.#timer = null;
    this.#go();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    this.#timer?.();
    await this.#looking;
  }

  /** Resolves when all alarms were looked at. Never rejects. */
  look(): Promise<void> {
    this.#looking = this.#looking.then(() => this.#look());
    return this.#looking;
  }

  /** All that were told and are not over. */
  async firing(): Promise<readonly ShownAlarm[]> {
    const alarms = new Map(this.#parts.alarmsOf().map((it) => [it.name, it]));
    const all = await this.#parts.catalogue.alarms.firing();
    return all.flatMap((it) => {
      const alarm = alarms.get(it.alarm);
      return alarm === undefined ? [] : [{ ...it, when: alarm.condition.when }];
    });
  }

  /** Tells the hooks of the alarm `name` that it is tried out. Returns their names; `null`: there is no such alarm. */
  async tryOut(name: string): Promise<readonly string[] | null> {
    const { alarmsOf, catalogue, clock } = this.#parts;
    const alarm = alarmsOf().find((it) => it.name === name);
    if (alarm === undefined) return null;
    const now = clock.date();
    const text = "This is a trial: nothing is wrong, and whoever reads it is told of this alarm";
    const told = { subject: "trial", since: now.toISOString(), toldAt: now.getTime(), times: 1, text };
    const notice = this.#noticeOf(alarm, { state: "firing", firing: { alarm: name, ...told } }, now);
    await catalogue.alarms.step({ changed: [], gone: [], notices: [notice] });
    this.#parts.hooks.look(notice.deliveries);
    return notice.deliveries.map(({ hook }) => hook);
  }

  #go(): void {
    void this.look().then(() => {
      // What was told of alarms that are not there any more is forgotten by now.
      if (this.#stop.signal.aborted || this.#parts.alarmsOf().length === 0) return;
      this.#timer ??= this.#parts.clock.after(lookEveryMs, () => this.#next());
    });
  }

  #next(): void {
    this.#timer = null;
    this.#go();
  }

  async #look(): Promise<void> {
    const { catalogue, clock, logger, alarmsOf, leads } = this.#parts;
    if (this.#jumped() || this.#stop.signal.aborted || !leads()) return;
    try {
      const told = await catalogue.alarms.firing();
      const alarms = alarmsOf();
      await this.#forgetOthers(told, alarms);
      for (const alarm of alarms) {
        if (this.#stop.signal.aborted) return;
        const before = told.filter((it) => it.alarm === alarm.name);
        const findings = await this.#findings(alarm);
        if (findings !== null) await this.#step(alarm, before, findings, clock.date());
      }
    } catch (error) {
      logger.log("error", "Alarms cannot be looked at", { reason: messageOf(error) });
    }
  }

  /** `null`: it cannot be looked up now, so all stays as it is. */
  async #findings(alarm: Alarm): Promise<readonly Finding[] | null> {
    const { signal } = this.#stop;
    try {
      const findings = await this.#facts.findings(alarm, signal);
      this.#troubled.delete(alarm.name);
      return findings;
    } catch (error) {
      if (signal.aborted) return null;
      if (!this.#troubled.has(alarm.name))
        this.#parts.logger.log("warn", "An alarm cannot be looked at just now", {
          ...{ alarm: alarm.name, reason: messageOf(error) },
        });
      this.#troubled.add(alarm.name);
      return null;
    }
  }

  async #step(
    alarm: Alarm,
    before: readonly Firing[],
    findings: readonly Finding[],
    now: Date,
  ): Promise<void> {
    const { catalogue, logger, hooks } = this.#parts;
    const { changed, gone, notices } = stepOf(alarm, before, findings, now);
    if (changed.length === 0 && gone.length === 0) return;
    const written = notices.map((notice) => this.#noticeOf(alarm, notice, now));
    await catalogue.alarms.step({ changed, gone, notices: written });
    for (const { state, firing } of notices) {
      const { subject, text: reason } = firing;
      if (state === "over") logger.log("info", "Alarm is over", { alarm: alarm.name, subject });
      else logger.log("warn", "Alarm", { alarm: alarm.name, subject, reason, times: firing.times });
    }
    for (const { deliveries } of written) hooks.look(deliveries);
  }

  #noticeOf(alarm: Alarm, notice: Notice, now: Date): NewNotice {
    const body = alarmBody(toldAlarm(alarm, notice, now, this.#parts.server));
    const hooks = this.#parts
      .hooksOf()
      .filter(({ name, event }) => event === "alarm" && (alarm.tell?.includes(name) ?? true));
    return {
      id: this.#parts.newId(),
      ...{ alarm: alarm.name, subject: notice.firing.subject, at: now.toISOString() },
      deliveries: hooks.map(({ name }) => ({ hook: name, body })),
    };
  }

  async #forgetOthers(told: readonly Firing[], alarms: readonly Alarm[]): Promise<void> {
    const known = new Set(alarms.map(({ name }) => name));
    const gone = told.filter(({ alarm }) => !known.has(alarm));
    if (gone.length === 0) return;
    await this.#parts.catalogue.alarms.step({ changed: [], gone, notices: [] });
    for (const { alarm, subject } of gone)
      this.#parts.logger.log("info", "An alarm is not configured any more", { alarm, subject });
  }

  /** Whether the calendar cannot be believed just now. */
  #jumped(): boolean {
    const { clock, logger } = this.#parts;
    if (Math.abs(this.#shift.look()) > jumpMs) {
      this.#restsUntil = clock.now() + restMs;
      if (this.#parts.alarmsOf().length > 0)
        logger.log("warn", "The calendar was set: alarms rest for a while", { minutes: restMs / 60_000 });
    }
    return clock.now() < this.#restsUntil;
  }
}
