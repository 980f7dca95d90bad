// A moment as people type it: a date, a time, or so long ago.

import { DyncError } from "../base/error.ts";
import { parseDuration } from "../config/duration.ts";
import { printable } from "./printable.ts";

/** What the value of the option `name` means, in ms since 1970; `null` without one. Throws `DyncError` ("usage"). */
export function readMoment(name: string, value: string | undefined, now: Date): number | null {
  if (value === undefined) return null;
  const duration = parseDuration(value);
  if (duration.ok) return now.getTime() - duration.value;
  const [, day, time = "00:00", zone = ""] =
    /^(\d{4}-\d\d-\d\d)(?:[ T](\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(Z)?)?$/.exec(value) ?? [];
  // Without a zone it is the time of this computer.
  const moment = day === undefined ? Number.NaN : new Date(`${day}T${time}${zone}`).getTime();
  if (!Number.isNaN(moment)) return moment;
  throw new DyncError("usage", `Option "--${name}" needs a date or a duration, found "${printable(value)}"`, {
    hint: 'write a date (2026-07-30), a time ("2026-07-30 14:00") or so long ago (7d, 12h)',
  });
}
