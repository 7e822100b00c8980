/**
 * What a check is, and how several run.
 *
 * A check looks at the tree under `root` and answers with what is wrong, one line each; nothing wrong is an empty
 * array. It MUST NOT change the tree, and MUST work on any folder laid out like this repository, so that a test can
 * show it failing on a small broken one.
 */
export interface Check {
  /** Name on the command line: `npm run check -- <name>`. */
  readonly name: string;
  /** What holds when it passes, in a few words. */
  readonly promise: string;
  /** `note` is told what was not looked at, and why. */
  run(root: string, note?: Note): Promise<string[]>;
}

/** Takes one line for people. */
export type Note = (line: string) => void;

/** How one check went. */
export interface CheckResult {
  check: Check;
  problems: string[];
  notes: string[];
  ms: number;
}

/**
 * Runs checks, at most `concurrency` at once, and answers in their order.
 *
 * A check that throws has failed: its error is its problem, and the others still run.
 */
export async function runChecks(checks: readonly Check[], root: string, concurrency: number): Promise<CheckResult[]> {
  const results: CheckResult[] = new Array(checks.length);
  let next = 0;
  async function worker(): Promise<void> {
    while (next < checks.length) {
      const at = next++;
      results[at] = await runCheck(checks[at]!, root);
    }
  }
  await Promise.all(Array.from({ length: Math.min(concurrency, checks.length) }, worker));
  return results;
}

async function runCheck(check: Check, root: string): Promise<CheckResult> {
  const start = performance.now();
  const notes: string[] = [];
  let problems: string[];
  try {
    problems = await check.run(root, (line) => notes.push(line));
  } catch (error) {
    // The failure is the result: a check that cannot run does not pass.
    problems = [error instanceof Error ? error.message : String(error)];
  }
  return { check, problems, notes, ms: performance.now() - start };
}

/** Results as text: problems first, then one line for each check, and what it did not look at. */
export function formatResults(results: readonly CheckResult[]): string {
  const details = results
    .filter(({ problems }) => problems.length > 0)
    .map(
      ({ check, problems }) => `${check.name}: ${check.promise}\n${problems.map((line) => `  ${line}`).join("\n")}\n`,
    );
  const width = Math.max(...results.map(({ check }) => check.name.length));
  const summary = results.flatMap(({ check, problems, notes, ms }) => {
    const verdict = problems.length === 0 ? "ok  " : "FAIL";
    const line = `${verdict} ${check.name.padEnd(width)} ${(ms / 1000).toFixed(1).padStart(5)} s  ${check.promise}`;
    return [line, ...notes.map((note) => `     ${note}`)];
  });
  return [...details, ...summary].join("\n");
}
