/** What the store's rules are tuned by. */
export interface ControlOptions {
  /** Microseconds since the epoch. */
  nowUs: () => number;
  /** Numbers in [0, 1), for jitter. */
  random: () => number;
  /** How long an attempt that was told to stop may take to report before it is ended without it. */
  cancelGraceMs: number;
  /** A lease carries the outputs of its dependencies when they are no larger together. */
  maxInlineDependencyBytes: number;
  /** A claim takes no more tasks once inputs and dependencies of those it has are larger together. */
  maxLeaseBytes: number;
  /** A runner not heard of for this long is shown as lost. */
  runnerLostMs: number;
}
