// How instruments are, in words that both ends of the control socket know.

/** The worst first. */
export const instrumentStates = ["silent", "trouble", "late", "stopped", "well"] as const;
export type InstrumentState = (typeof instrumentStates)[number];

/** What makes it so. */
export const instrumentFaults = [
  /** It did not report when it was to. */
  "silent",
  /** Its folder cannot be looked at. */
  "lost",
  /** Something waits for a person. */
  "waiting",
  /** Its clock is wrong. */
  "clock",
  /** Its disk is nearly full. */
  "disk",
  /** Nothing arrived for much longer than usual. */
  "late",
] as const;
export type InstrumentFault = (typeof instrumentFaults)[number];
