// What is shown of an instrument: what it told last, what arrived from its user, and what is wrong. Pure.

import type { Instrument } from "../catalogue/instruments.ts";
import type { InstrumentReport } from "../protocol/wire/report.ts";
import type { InstrumentFault, InstrumentState } from "./instrument-states.ts";

/** A report as it is kept. */
export type KeptReport = Omit<InstrumentReport, "label" | "clock" | "roundTrip"> & {
  /** Name and version of its program. */
  readonly client?: string;
  /** By how many ms its clock is ahead of the server's, and how wrong that may be. */
  readonly offsetMs: number;
  readonly offsetErrorMs: number;
};

/** What is known of a user's arrivals. */
export interface Arrivals {
  /** ISO 8601; `null`: nothing arrived. */
  readonly lastAt: string | null;
  /** Time between two deliveries, as a rule, in ms; `null`: too few came. */
  readonly rhythmMs: number | null;
}

export interface ShownInstrument {
  readonly user: string;
  /** `null`: nobody reports for this user. */
  readonly label: string | null;
  readonly state: InstrumentState;
  readonly faults: readonly InstrumentFault[];
  /** When it reported last. */
  readonly seenAt: string | null;
  /** When something of its user arrived last. */
  readonly lastAt: string | null;
  readonly rhythmSeconds: number | null;
  /** What it told last. */
  readonly report: KeptReport | null;
}

// A report may be lost, and a connection take its time.
const missedReports = 3;
const silentMsMin = 10 * 60_000;
const nextSecondsUsual = 300;
const lateTimes = 3;
const lateMsMin = 60 * 60_000;
// Files are called by times, and a minute more or less is found in no list.
const offsetMsMax = 60_000;
const freeShareMin = 0.05;

/** What an instrument told last. */
export function keptReport({ report }: Pick<Instrument, "report">): KeptReport {
  return JSON.parse(report) as KeptReport;
}

export function shownInstrument(instrument: Instrument, arrivals: Arrivals, now: Date): ShownInstrument {
  const { user, label, seenAt } = instrument;
  const report = keptReport(instrument);
  const faults = faultsOf(report, now.getTime() - Date.parse(seenAt));
  return shown({ user, label, seenAt, report, faults }, arrivals, now);
}

/** A user for whom nobody reports. */
export function shownSender(user: string, arrivals: Arrivals, now: Date): ShownInstrument {
  return shown({ user, label: null, seenAt: null, report: null, faults: [] }, arrivals, now);
}

function shown(
  known: Pick<ShownInstrument, "user" | "label" | "seenAt" | "report" | "faults">,
  { lastAt, rhythmMs }: Arrivals,
  now: Date,
): ShownInstrument {
  const isLate =
    lastAt !== null &&
    rhythmMs !== null &&
    now.getTime() - Date.parse(lastAt) > Math.max(lateTimes * rhythmMs, lateMsMin);
  const faults: readonly InstrumentFault[] = isLate ? [...known.faults, "late"] : known.faults;
  const rhythmSeconds = rhythmMs === null ? null : Math.round(rhythmMs / 1000);
  return { ...known, faults, state: stateOf(faults, known.report), lastAt, rhythmSeconds };
}

function stateOf(faults: readonly InstrumentFault[], report: KeptReport | null): InstrumentState {
  if (faults.includes("silent")) return "silent";
  if (faults.some((it) => it !== "late")) return "trouble";
  if (report?.stops === true) return "stopped";
  return faults.length > 0 ? "late" : "well";
}

function faultsOf(report: KeptReport, ageMs: number): readonly InstrumentFault[] {
  const { stops = false, next = nextSecondsUsual, lost, troubles = 0, free, disk } = report;
  const { offsetMs, offsetErrorMs } = report;
  const isSilent = !stops && ageMs > Math.max(missedReports * next * 1000, silentMsMin);
  const isNearlyFull = free !== undefined && disk !== undefined && free < freeShareMin * disk;
  return [
    ...(isSilent ? (["silent"] as const) : []),
    ...(lost === undefined ? [] : (["lost"] as const)),
    ...(troubles === 0 ? [] : (["waiting"] as const)),
    ...(Math.abs(offsetMs) - offsetErrorMs > offsetMsMax ? (["clock"] as const) : []),
    ...(isNearlyFull ? (["disk"] as const) : []),
  ];
}
