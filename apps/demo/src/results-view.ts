import { renderSummary, renderWaterfall } from "@spanloom/query";
import type { JobSnapshot } from "@spanloom/sdk";
import type { Table } from "apache-arrow";
import type { AuditReport } from "./audit/report.ts";
import type { MixedTrace } from "./polyglot/mixed-trace.ts";
import { renderMixedTrace } from "./polyglot/mixed-view.ts";
import type { Summary } from "./summary.ts";
import { countAttempts, slowestBranch } from "./trace-facts.ts";

/** What is shown when an audit has ended. */
export interface Results {
  job: JobSnapshot;
  summary: Summary;
  spans: Table;
  /** Of a job that ran in several languages. */
  mixed?: MixedTrace;
  /** Absent when the job did not get so far. */
  report?: AuditReport;
}

const BRANCH_ROWS = 30;

/** Results as text for a terminal: the state, the slowest branch, the spans by name, the audit's findings. */
export function renderResults(results: Results, { width, color }: { width: number; color: boolean }): string {
  const { job, spans, report, mixed } = results;
  const root = mixed ? undefined : slowestBranch(spans);
  const sections = [stateLines(results)];
  if (job.failure) sections.push(`Failure\n  ${job.failure.type}: ${job.failure.message}`);
  if (root) {
    const waterfall = renderWaterfall(spans, { root, width, color, maxRows: BRANCH_ROWS });
    sections.push(`Slowest branch\n${waterfall.trimEnd()}`);
  }
  if (mixed) sections.push(renderMixedTrace(mixed, { width, color }));
  sections.push(`Spans by name\n${renderSummary(spans, { width, color }).trimEnd()}`);
  if (report) sections.push(reportLines(report, width));
  return `\n${sections.join("\n\n")}\n`;
}

function stateLines({ summary, spans }: Results): string {
  const lost = countAttempts(spans, "lost");
  const tree =
    summary.orphans === 0 && summary.openSpans === 0
      ? "one tree, complete"
      : `${summary.orphans} orphans, ${summary.openSpans} open`;
  return [
    `Job ${summary.jobId}: ${summary.state} in ${(summary.wallMs / 1000).toFixed(2)} s on ${summary.runners} runners`,
    `  ${summary.tasks} tasks, ${summary.attempts} attempts${lost > 0 ? ` (${lost} lost)` : ""}`,
    `  ${summary.spans} spans (${tree}), ${summary.logs} log records`,
  ].join("\n");
}

function reportLines({ totals, packages, licences, brokenManifests }: AuditReport, width: number): string {
  const largest = packages.slice(0, 4).map(({ name, bytes }) => `${name} ${formatBytes(bytes)}`);
  const common = licences.slice(0, 4).map((l) => `${l.licence || "none stated"} ${l.packages.length}`);
  return [
    "Audit",
    `  ${totals.packages} packages, ${totals.files} files, ${formatBytes(totals.bytes)}`,
    fittingList("  largest: ", largest, width),
    fittingList("  licences: ", common, width),
    `  duplicates: ${totals.duplicateFiles} files could go, ${formatBytes(totals.wastedBytes)}`,
    brokenLine(brokenManifests, width),
  ].join("\n");
}

function brokenLine(broken: AuditReport["brokenManifests"], width: number): string {
  const label = `  broken manifests: ${broken.length}`;
  if (broken.length === 0) return label;
  return fittingList(
    `${label}: `,
    broken.slice(0, 4).map(({ name }) => name),
    width,
  );
}

/** The first items, as many as fit; at least one. */
export function fittingList(label: string, items: readonly string[], width: number): string {
  let line = `${label}${items[0] ?? ""}`;
  for (const item of items.slice(1)) {
    if (line.length + 2 + item.length > width) break;
    line += `, ${item}`;
  }
  return line;
}

/** Bytes for people, e.g. `12.3 MB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let unit = 0;
  for (; value >= 999.5 && unit < units.length - 1; unit++) value /= 1000;
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
}
