/** How the tests of a subject ended. */
export interface Outcome {
  state: "passed" | "failed" | "skipped";
  /** What ran, what was wrong, or why nothing ran and how to change that; to follow the state. */
  detail: string;
}

/** Something to test: a client in a language, or what several of them do together. */
export interface Subject {
  name: string;
  /** For `--help`. */
  about: string;
  /** Program that options on the command line go to. */
  optionsOf: string;
  /**
   * Runs its tests, or with options only those that they choose.
   *
   * Errors: what keeps tests from starting, beside a toolchain that is not there.
   */
  test: (options: readonly string[]) => Promise<Outcome>;
}

/** A step of a subject's tests: its name, its program and arguments. */
export type Step = readonly [name: string, program: string, ...args: string[]];

/**
 * Runs steps in turn, up to the first that fails.
 *
 * Shape: `detail` names the steps that passed, or the one that did not.
 */
export async function runSteps(
  steps: readonly Step[],
  runProgram: (program: string, args: string[]) => Promise<number>,
): Promise<Outcome> {
  for (const [name, program, ...args] of steps) {
    const code = await runProgram(program, args);
    if (code !== 0) return { state: "failed", detail: `${name} ended with exit code ${code}` };
  }
  return { state: "passed", detail: steps.map(([name]) => name).join(", ") };
}
