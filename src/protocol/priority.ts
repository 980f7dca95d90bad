// How urgent an upload is beside others. Pure.

/** From the least on. */
export const priorities = ["low", "normal", "high"] as const;

export type Priority = (typeof priorities)[number];

/** Of two the lower one. */
export function lowerPriority(one: Priority, other: Priority): Priority {
  return priorities.indexOf(one) <= priorities.indexOf(other) ? one : other;
}
