// What both levels of the simulation tell about a run that went well.

export interface SimulationRun {
  readonly uploads: number;
  readonly finished: number;
  readonly events: number;
  /** Virtual time, in ms. */
  readonly durationMs: number;
}
