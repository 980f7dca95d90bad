// The shape of both upload machines: a value machine in the manner of h11 and quinn-proto. A machine does no
// I/O and knows no clock; whoever drives it performs the actions and feeds the results back as inputs.

export interface Machine<Input, Action> {
  /**
   * Applies one input at `now` (monotonic ms) and returns what to do, in order.
   * Never throws on what a peer sent; throws `AssertionError` when its own driver breaks the rules.
   */
  step(input: Input, now: number): readonly Action[];
  /** When a `tick` is next due (monotonic ms), or `null` when nothing is pending. A spurious tick changes nothing. */
  readonly wakeAt: number | null;
}
