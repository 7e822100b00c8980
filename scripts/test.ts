/**
 * Runs every test: `npm test [-- filter...]`. Options before the filters go to vitest.
 *
 * The last line of standard output is `N passed, N failed`, alone, also when the run could not start.
 */
import path from "node:path";
import { parseCLI, startVitest } from "vitest/node";
import { CountReporter, formatCounts, isSuccess } from "./test/count-reporter.ts";

const root = path.dirname(import.meta.dirname);
const reporter = new CountReporter();
let crashed = false;

try {
  const { filter, options } = parseCLI(["vitest", "run", ...process.argv.slice(2)]);
  const vitest = await startVitest("test", filter, {
    ...options,
    root,
    watch: false,
    reporters: ["default", reporter],
  });
  await vitest.close();
} catch (error) {
  // Reported as a failed run below, so that the last line stays what it promises to be.
  process.stderr.write(`cannot run the tests: ${error instanceof Error ? error.stack : String(error)}\n`);
  crashed = true;
}

if (crashed) reporter.counts.failed++;
const success = isSuccess(reporter.counts) && (process.exitCode ?? 0) === 0;
process.stdout.write(`${formatCounts(reporter.counts)}\n`, () => process.exit(success ? 0 : 1));
