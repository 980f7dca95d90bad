// Takes what watched folders tell of themselves (doc/protocol.md, section 3.9), and says how all of them are. Who tells too often is
// not listened to, before anything is written down.

import type { Clock } from "../base/clock.ts";
import { cutText } from "../base/cut-text.ts";
import { DyncError, errorMeanings } from "../base/error.ts";
import { TokenBuckets } from "../base/token-buckets.ts";
import type { Catalogue, UserUsage } from "../catalogue/catalogue.ts";
import type { Instrument } from "../catalogue/instruments.ts";
import type { Refusal } from "../protocol/server/upload-life.ts";
import type { InstrumentReport } from "../protocol/wire/report.ts";
import { arrivalsLookedAt, rhythmOf } from "./rhythm.ts";
import {
  type Arrivals,
  type KeptReport,
  type ShownInstrument,
  shownInstrument,
  shownSender,
} from "./shown-instrument.ts";

/** Watched folders that are kept of a user: those that were seen last. */
export const labelsMax = 32;

// All of a user's folders may come at once, as after the server was away, and each once a minute then.
const tokensMax = labelsMax;
const tokensPerSecond = 0.5;
const pageInstruments = 200;
const clientBytesMax = 200;

export interface InstrumentReportParts {
  readonly catalogue: Pick<Catalogue, "instruments">;
  readonly clock: Pick<Clock, "date" | "now">;
}

export class InstrumentReports {
  readonly #parts: InstrumentReportParts;
  /** How often each user may tell something now. */
  readonly #buckets = new TokenBuckets(tokensPerSecond, tokensMax);

  constructor(parts: InstrumentReportParts) {
    this.#parts = parts;
  }

  /** The answer to `report` of `user`, whose program is `client`. Rejects with `DyncError`. */
  async take(user: string, report: InstrumentReport, client: string | undefined): Promise<Refusal> {
    this.#expectToken(user);
    const { clock, catalogue } = this.#parts;
    const now = clock.date();
    const { label, clock: saidAt, roundTrip = 0, ...said } = report;
    // Half of the way there and back is how long it took to come here, as far as anybody can tell.
    const offsetMs = Math.round(Date.parse(saidAt) + roundTrip / 2 - now.getTime());
    const kept: KeptReport = {
      ...said,
      ...(client === undefined ? {} : { client: cutText(client, clientBytesMax) }),
      ...{ offsetMs, offsetErrorMs: Math.ceil(roundTrip / 2) },
    };
    const seenAt = now.toISOString();
    await catalogue.instruments.keep({ user, label, seenAt, report: JSON.stringify(kept) }, labelsMax);
    const info = { user, time: seenAt, reported: true };
    return { code: errorMeanings["unknown-upload"].wire, text: "The report is kept", info };
  }

  #expectToken(user: string): void {
    const now = this.#parts.clock.now();
    if (this.#buckets.of(user, now).tryTake(1, now)) return;
    throw new DyncError("too-many-uploads", "You report too often: once a minute is enough");
  }

  /** What was reported last, in the order of users and labels. */
  async *kept(): AsyncGenerator<Instrument, void, undefined> {
    const { instruments } = this.#parts.catalogue;
    for (let after: Instrument | null = null; ; ) {
      const page: readonly Instrument[] = await instruments.page(after, pageInstruments);
      yield* page;
      if (page.length < pageInstruments) return;
      after = page.at(-1) ?? null;
    }
  }

  /** How all instruments are, and those of `usages` who send and do not report; in no order that matters. */
  async *all(usages: AsyncIterable<UserUsage>): AsyncGenerator<ShownInstrument, void, undefined> {
    const now = this.#parts.clock.date();
    const byUser = Map.groupBy(await Array.fromAsync(this.kept()), ({ user }) => user);
    for await (const { user, lastAt } of usages) {
      const own = byUser.get(user) ?? [];
      byUser.delete(user);
      const arrivals = await this.#arrivalsOf(user, lastAt);
      for (const it of own) yield shownInstrument(it, arrivals, now);
      if (own.length === 0 && arrivals.lastAt !== null) yield shownSender(user, arrivals, now);
    }
    // Of whom nothing arrived yet.
    for (const own of byUser.values())
      for (const it of own) yield shownInstrument(it, { lastAt: null, rhythmMs: null }, now);
  }

  async #arrivalsOf(user: string, lastAt: string | null): Promise<Arrivals> {
    if (lastAt === null) return { lastAt, rhythmMs: null };
    const arrivals = await this.#parts.catalogue.instruments.arrivals(user, arrivalsLookedAt);
    return { lastAt, rhythmMs: rhythmOf(arrivals) };
  }

  /** Forgets one. Returns whether it was there. */
  async remove(user: string, label: string): Promise<boolean> {
    return await this.#parts.catalogue.instruments.remove(user, label);
  }
}
