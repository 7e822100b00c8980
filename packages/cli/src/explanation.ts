/** What to tell about an error, and the exit code it means. */
export interface Explanation {
  exitCode: number;
  reason: string;
  message: string;
  /** What to do next; empty when there is nothing to say. */
  hint: string;
  /** A person has been told already; a program has not. */
  isShown?: boolean;
}
