// What a run ends with when something is wrong, and the record of what happened before.

/** An invariant does not hold, or an upload did not end. */
export class SimulationFailure extends Error {
  override readonly name = "SimulationFailure";
}

/** Throws `SimulationFailure` unless `condition` holds; `text` says what had to be true. */
export function check(condition: boolean, text: string | (() => string)): asserts condition {
  if (!condition) throw new SimulationFailure(typeof text === "string" ? text : text());
}

/** Takes a line of the trace. The text is only made when somebody reads it. */
export type Trace = (line: () => string) => void;
