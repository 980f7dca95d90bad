// What watched folders told last, by user: what clients call them is theirs to make up, and no label.

import { Gauge, type Registry } from "prom-client";
import type { InstrumentReports } from "../../server/instrument-reports.ts";
import { keptReport } from "../../server/shown-instrument.ts";
import { type UserGroups, userLabels } from "./user-labels.ts";

interface Told {
  seenAt: number;
  entries: number;
  bytes: number;
  offset: number;
  free: number;
}

/** Looks up what was told; those that were stopped count for nothing. */
export function instrumentLook(
  registry: Registry,
  instruments: Pick<InstrumentReports, "kept">,
  groupsOf: UserGroups,
): () => Promise<void> {
  const gauge = (name: string, help: string) =>
    new Gauge({
      ...{ name: `dync_server_instrument_${name}`, help, labelNames: ["user"], registers: [registry] },
    });
  const seen = gauge(
    "last_seen_timestamp_seconds",
    "When the watched folder of a user reported last that is silent for longest, in seconds since 1970.",
  );
  const entries = gauge("backlog_entries", "Entries of a user's watched folders that are still to be sent.");
  const bytes = gauge("backlog_bytes", "Bytes of a user's watched folders that are still to be sent.");
  const offset = gauge(
    "clock_offset_seconds",
    "By how much the clock of a user's watched folder is ahead that is the most wrong.",
  );
  const free = gauge("free_bytes", "Bytes that are free of the fullest disk of a user's watched folders.");
  return async () => {
    const kept = await Array.fromAsync(instruments.kept());
    const running = kept.map((it) => ({ ...it, report: keptReport(it) })).filter((it) => !it.report.stops);
    const labelOf = userLabels([...new Set(running.map(({ user }) => user))], groupsOf);
    const byUser = new Map<string, Told>();
    for (const { user, seenAt, report } of running) {
      const none = { seenAt: Infinity, entries: 0, bytes: 0, offset: 0, free: Infinity };
      const told = byUser.get(labelOf(user)) ?? none;
      byUser.set(labelOf(user), told);
      told.seenAt = Math.min(told.seenAt, Date.parse(seenAt) / 1000);
      told.entries += report.entries ?? 0;
      told.bytes += report.bytes ?? 0;
      told.free = Math.min(told.free, report.free ?? Infinity);
      const ahead = report.offsetMs / 1000;
      if (Math.abs(ahead) > Math.abs(told.offset)) told.offset = ahead;
    }
    for (const metric of [seen, entries, bytes, offset, free]) metric.reset();
    for (const [user, told] of byUser) {
      seen.set({ user }, told.seenAt);
      entries.set({ user }, told.entries);
      bytes.set({ user }, told.bytes);
      offset.set({ user }, told.offset);
      if (told.free < Infinity) free.set({ user }, told.free);
    }
  };
}
