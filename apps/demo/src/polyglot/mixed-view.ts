import { renderWaterfall } from "@spanloom/query";
import { nameOf } from "./language-names.ts";
import type { MixedTrace } from "./mixed-trace.ts";
import type { Crossing, RuntimeFacts } from "./runtime-facts.ts";

const BRANCH_ROWS = 30;

/** What a mixed job's trace shows, as text: who did what, how it hangs together, a branch, the critical path. */
export function renderMixedTrace(
  { facts, branch, path }: MixedTrace,
  { width, color }: { width: number; color: boolean },
): string {
  const waterfall = renderWaterfall(branch, { width, color, maxRows: BRANCH_ROWS });
  return [
    `Runtimes\n${runtimeLines(facts)}`,
    `The root, the longest hashing, and the merge\n${waterfall.trimEnd()}`,
    `Critical path\n  ${pathLine(path)}`,
  ].join("\n\n");
}

/** Who did what, a line each, and how the trace hangs together. */
export function runtimeLines({ runtimes, submitted, awaited, problems }: RuntimeFacts): string {
  const rows = runtimes.map(({ language, service, tasks, attempts, spans, logs }) => [
    nameOf(language),
    service,
    tasks.join(", "),
    countOf(attempts, "attempt"),
    countOf(spans, "span"),
    countOf(logs, "log record"),
  ]);
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const table = rows.map((row) => `  ${row.map((cell, column) => cell.padEnd(widths[column]!)).join("  ")}`.trimEnd());
  const verdict =
    problems.length === 0 ? "one trace, every span and log record within an attempt of its task" : problems.join("; ");
  return [
    ...table,
    `  tasks submitted: ${submitted.map((crossing) => crossingText(crossing, "from", "to")).join(", ")}`,
    `  tasks waited for: ${awaited.map((crossing) => crossingText(crossing, "in", "by")).join(", ")}`,
    `  ${verdict}`,
  ].join("\n");
}

function crossingText({ from, to, tasks }: Crossing, first: string, second: string): string {
  return `${tasks} ${first} ${nameOf(from)} ${second} ${nameOf(to)}`;
}

/** Where the job's time went: to code, by language, and to waiting. */
export function pathLine(path: MixedTrace["path"]): string {
  const spent = new Map<string, number>();
  for (const { segment, language } of path) {
    const what = segment.kind === "running" && language ? `running ${nameOf(language)}` : segment.kind;
    spent.set(what, (spent.get(what) ?? 0) + segment.durationNs);
  }
  return [...spent].map(([what, ns]) => `${what} ${(ns / 1e9).toFixed(2)} s`).join(", ");
}

function countOf(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? "" : "s"}`;
}
