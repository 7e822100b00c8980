/**
 * Runs the checks: all of them, or those named: `npm run check [-- layers sizes ...]`.
 *
 * Checks run next to each other and report in a fixed order; the exit code is the number that failed.
 */
import { availableParallelism } from "node:os";
import path from "node:path";
import { allChecks } from "./check/all-checks.ts";
import { formatResults, runChecks } from "./check/check.ts";

const root = path.dirname(import.meta.dirname);
const names = process.argv.slice(2);
const unknown = names.filter((name) => !allChecks.some((check) => check.name === name));

if (unknown.length > 0) {
  const known = allChecks.map(({ name }) => name).join(", ");
  process.stderr.write(`cannot check "${unknown.join('", "')}": the checks are ${known}\n`);
  process.exitCode = 2;
} else {
  const chosen = names.length === 0 ? allChecks : allChecks.filter(({ name }) => names.includes(name));
  const results = await runChecks(chosen, root, availableParallelism());
  const failed = results.filter(({ problems }) => problems.length > 0).length;
  process.stdout.write(`${formatResults(results)}\n\n${results.length - failed} checks passed, ${failed} failed\n`);
  process.exitCode = failed;
}
