import type { FailureFacts } from "../cases/case-failure.ts";
import type { Json } from "../cases/template.ts";
import { type JudgedResult, type KnownFailure, nameOf, type Outcome } from "../run/known-failures.ts";

const LONGEST_VALUE = 400;

/** Lines of a subject's output that are shown with a failure. */
const SHOWN_LINES = 12;

/** About a result that needs attention: what failed where, what was expected, what came, what it proves, what was printed. */
export function resultLine(result: JudgedResult): string {
  const title = `${nameOf(result)} [${result.variant}] (protocol ${result.proves.join(", ")})`;
  if (result.outcome === "unexpected")
    return `PASS ${title}: is listed as a known failure, and passed; take it off the list`;
  return [`FAIL ${title}`, `     ${result.file}:${failureText(result.failure!)}`, ...printed(result.failure!)].join(
    "\n",
  );
}

function printed({ output = "" }: FailureFacts): string[] {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  return lines.slice(-SHOWN_LINES).map((line) => `     | ${line.trimEnd()}`);
}

function failureText({ line, step, path, expected, actual }: FailureFacts): string {
  return `${line} ${step}: expected ${path === "" ? "" : `${path} to be `}${expected}, came ${shown(actual)}`;
}

/** A value on one line, cut where it is long. */
function shown(value: Json | undefined): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > LONGEST_VALUE ? `${text.slice(0, LONGEST_VALUE)}...` : text;
}

/** One line about an entry of a list that names nothing. */
export function strayLine(entry: KnownFailure): string {
  const variants = entry.variants.length === 0 ? "" : ` [${entry.variants.join(", ")}]`;
  return `LIST ${entry.case}${variants}: is listed as a known failure, and no such case is run`;
}

/** One line about a case that is not run. */
export function skipLine(each: { suite: string; name: string }, lacks: readonly string[]): string {
  return `SKIP ${nameOf(each)}: needs ${lacks.map((lack) => `--${lack}`).join(" and ")}`;
}

/** Number of results by outcome. */
export function countOutcomes(results: readonly JudgedResult[]): Record<Outcome, number> {
  const counts = { passed: 0, failed: 0, known: 0, unexpected: 0 };
  for (const { outcome } of results) counts[outcome]++;
  return counts;
}

/** The last line: what came of all. */
export function summaryLine(subject: string, results: readonly JudgedResult[]): string {
  const { passed, failed, known, unexpected } = countOutcomes(results);
  const cases = new Set(results.map(nameOf)).size;
  const more = [
    ...(known > 0 ? [`${known} failed as listed`] : []),
    ...(unexpected > 0 ? [`${unexpected} passed although listed`] : []),
  ];
  const runs = `${counted(cases, "case")} in ${counted(results.length, "run")}`;
  return `${subject}: ${runs}: ${[`${passed} passed`, `${failed} failed`, ...more].join(", ")}`;
}

/** Where the failures are, a line for each suite that has some: `  leases: 3 of 27 failed (json 1 of 9, grpc 2 of 9)`. */
export function failureLines(results: readonly JudgedResult[]): string[] {
  return [...Map.groupBy(results, ({ suite }) => suite)]
    .filter(([, runs]) => failedOf(runs) > 0)
    .map(([suite, runs]) => {
      const variants = [...Map.groupBy(runs, ({ variant }) => variant)];
      const parts = variants.map(([variant, its]) => `${variant} ${failedOf(its)} of ${its.length}`);
      return `  ${suite}: ${failedOf(runs)} of ${runs.length} failed${parts.length > 1 ? ` (${parts.join(", ")})` : ""}`;
    });
}

function failedOf(results: readonly JudgedResult[]): number {
  return countOutcomes(results).failed;
}

function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
