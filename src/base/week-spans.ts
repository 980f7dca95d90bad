// Times of the week by this computer's clock and time zone: "Mon-Fri 08:00-18:00" as days and minutes. Reading them is
// `config/timetable.ts`.

export interface WeekSpan {
  /** Days of the week on which it begins, 0 being Sunday. */
  readonly days: readonly number[];
  /** Minutes of the local day. Where `to` is not after `from` it ends on the next day. */
  readonly from: number;
  readonly to: number;
}

export const dayMinutes = 24 * 60;

export function isIn({ days, from, to }: WeekSpan, moment: Date): boolean {
  const minute = 60 * moment.getHours() + moment.getMinutes();
  const today = moment.getDay();
  const isLate = minute >= from;
  if (from < to) return isLate && minute < to && days.includes(today);
  if (isLate) return days.includes(today);
  return minute < to && days.includes((today + 6) % 7);
}

/**
 * How much of the time from `from` to `to` lies in one of `spans`, in ms; it is looked at from its end, and no further back than where
 * `enoughMs` are together. Days of 23 and 25 hours are as long as they are.
 */
export function coveredMs(spans: readonly WeekSpan[], from: Date, to: Date, enoughMs: number): number {
  let sum = 0;
  const day = new Date(to.getFullYear(), to.getMonth(), to.getDate());
  for (; sum < enoughMs; day.setDate(day.getDate() - 1)) {
    const pieces = spans.flatMap((span) => piecesOn(day, span));
    sum += unionMs(pieces.map(([begin, end]) => [Math.max(begin, +from), Math.min(end, +to)] as const));
    if (+day <= +from) return sum;
  }
  return sum;
}

/** From when to when (ms since 1970) `span` goes on `day`, a local midnight: what began on the day before is part of it. */
function piecesOn(day: Date, { days, from, to }: WeekSpan): readonly (readonly [number, number])[] {
  const at = (minutes: number): number =>
    new Date(day.getFullYear(), day.getMonth(), day.getDate(), 0, minutes).getTime();
  const today = day.getDay();
  const isOverMidnight = to <= from;
  return [
    ...(days.includes(today) ? [[at(from), at(isOverMidnight ? dayMinutes : to)] as const] : []),
    ...(isOverMidnight && days.includes((today + 6) % 7) ? [[at(0), at(to)] as const] : []),
  ];
}

/** The length of these pieces, of which some lie over each other. */
function unionMs(pieces: readonly (readonly [number, number])[]): number {
  let [sum, last] = [0, Number.NEGATIVE_INFINITY];
  for (const [begin, end] of pieces.toSorted((a, b) => a[0] - b[0])) {
    sum += Math.max(0, end - Math.max(begin, last));
    last = Math.max(last, end);
  }
  return sum;
}
