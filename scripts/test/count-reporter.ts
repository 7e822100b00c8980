import type { Reporter, TestModule } from "vitest/node";

/** How a test run went. */
export interface TestCounts {
  passed: number;
  failed: number;
  skipped: number;
}

/**
 * Counts tests for the last line of `npm test`.
 *
 * A file that could not be loaded and an error outside of any test count as one failed test each: they would
 * otherwise leave a line that says "0 failed" above a failed run.
 */
export class CountReporter implements Reporter {
  readonly counts: TestCounts = { passed: 0, failed: 0, skipped: 0 };

  onTestRunEnd(modules: readonly TestModule[], unhandledErrors: readonly unknown[]): void {
    for (const module of modules) countModule(module, this.counts);
    this.counts.failed += unhandledErrors.length;
  }
}

function countModule(module: TestModule, counts: TestCounts): void {
  let failedTests = 0;
  for (const test of module.children.allTests()) {
    const { state } = test.result();
    if (state === "passed") counts.passed++;
    else if (state === "failed") failedTests++;
    else counts.skipped++;
  }
  const brokenModule = failedTests === 0 && module.state() === "failed";
  counts.failed += failedTests + (brokenModule ? 1 : 0);
}

/** The line `npm test` ends with. */
export function formatCounts({ passed, failed, skipped }: TestCounts): string {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}

/** Whether the run proves something: nothing failed, and at least one test passed. */
export function isSuccess({ passed, failed }: TestCounts): boolean {
  return failed === 0 && passed > 0;
}
