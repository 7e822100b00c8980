/** What protocol.md leaves to the store. */
export interface ModelTraits {
  graceMs: number;
  /** Whether a store that opens again gives running attempts a whole lease and grace anew, as it may. */
  renewsLeases: boolean;
  /** Whether claims are served, room is made and answers are given only after all operations done at once. */
  answersLate: boolean;
  /** Whether a job that asks for its place again, when it is retried, stands in line by its age. */
  waitersByAge: boolean;
}
