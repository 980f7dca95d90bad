// The states in which people see what the server has. A leaf: command lines know these words, and nothing of the server.

/** Of uploads: one that is open has a client that speaks, or waits for it, or for other metadata. */
export const shownStates = ["receiving", "waiting", "held", "publishing", "stored", "failed"] as const;
export type ShownState = (typeof shownStates)[number];

/** Of what hooks are to be told. "stuck": its hook is not configured. */
export const deliveryStates = ["waiting", "running", "stuck"] as const;
export type DeliveryState = (typeof deliveryStates)[number];

/** Kinds of what can have become of it. */
export const storyKinds = [
  "admitted",
  "rule",
  "added",
  "resumed",
  "held",
  "complete",
  "stored",
  "amended",
  "receipt",
  /** A hook took what it was to be told, or is still to be told. */
  "told",
  "hook",
  "damaged",
  "failed",
] as const;
export type StoryKind = (typeof storyKinds)[number];
