// How often something arrives of a user, learned from when things arrived. Pure.

/** So many of the last arrivals are looked at. */
export const arrivalsLookedAt = 200;

// What comes within a minute is one delivery: a folder is sent file by file.
const togetherMs = 60_000;
const gapsMin = 3;
const gapsMax = 20;

/** The median time between the last deliveries in ms, from when uploads arrived (ISO 8601, the latest first); `null`: too few came. */
export function rhythmOf(arrivals: readonly string[]): number | null {
  const gaps: number[] = [];
  let later: number | null = null;
  for (const arrival of arrivals) {
    const at = Date.parse(arrival);
    if (later !== null && later - at >= togetherMs) gaps.push(later - at);
    later = at;
    if (gaps.length === gapsMax) break;
  }
  if (gaps.length < gapsMin) return null;
  const sorted = gaps.toSorted((a, b) => a - b);
  const [below, above] = [sorted[(sorted.length - 1) >> 1] as number, sorted[sorted.length >> 1] as number];
  return (below + above) / 2;
}
