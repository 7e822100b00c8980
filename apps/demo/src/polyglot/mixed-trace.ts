import type { PathSegment, QueryClient } from "@spanloom/query";
import { Table, Utf8, vectorFromArray } from "apache-arrow";
import { nameOf } from "./language-names.ts";
import { languagesOf, type RuntimeFacts, runtimeFacts, type TracedLog, type TracedSpan } from "./runtime-facts.ts";

/** What a job's trace shows about the languages that it ran in. */
export interface MixedTrace {
  facts: RuntimeFacts;
  /** Spans of the root task, of those that led to the longest hashing, and of the merge, which waited for all. */
  branch: Table;
  /** The critical path, and the language of each of its stretches; none of those in which no code ran. */
  path: { segment: PathSegment; language: string | undefined }[];
}

const languageColumn = { attribute: "telemetry.sdk.language", resource: true, as: "language" } as const;

/** Reads what a mixed job's trace shows. */
export async function readMixedTrace(query: QueryClient, job: string): Promise<MixedTrace> {
  const [spans, logs] = [await readSpans(query, job), await readLogs(query, job)];
  const languages = languagesOf(spans, logs);
  const segments = await query.criticalPath(job).segments();
  return {
    facts: runtimeFacts(spans, logs),
    branch: await readBranch(query, job, { spans, languages }),
    path: segments.map((segment) => ({ segment, language: languages.get(segment.runnerId) })),
  };
}

async function readSpans(query: QueryClient, job: string): Promise<TracedSpan[]> {
  const table = await query
    .spans({ job })
    .columns(
      "trace_id",
      "span_id",
      "parent_span_id",
      "type",
      "task_id",
      "task_name",
      "runner_id",
      "service_name",
      "links",
      languageColumn,
    )
    .toArrow();
  return Array.from(table, (row) => ({
    traceId: row.trace_id ?? "",
    spanId: row.span_id,
    parentId: row.parent_span_id ?? "",
    type: row.type,
    taskId: row.task_id ?? "",
    taskName: row.task_name,
    runnerId: row.runner_id ?? "",
    service: row.service_name,
    language: row.language ?? "",
    links: Array.from(row.links as Iterable<{ span_id: string }>, (link) => link.span_id),
  }));
}

async function readLogs(query: QueryClient, job: string): Promise<TracedLog[]> {
  const table = await query
    .logs({ job })
    .columns("trace_id", "span_id", "task_id", "runner_id", "service_name", languageColumn)
    .toArrow();
  return Array.from(table, (row) => ({
    traceId: row.trace_id ?? "",
    spanId: row.span_id ?? "",
    taskId: row.task_id ?? "",
    runnerId: row.runner_id ?? "",
    service: row.service_name,
    language: row.language ?? "",
  }));
}

interface Known {
  spans: readonly TracedSpan[];
  /** By runner. */
  languages: ReadonlyMap<string, string>;
}

/** The branch's spans, with the language in the names of those that ran somewhere. */
async function readBranch(query: QueryClient, job: string, { spans, languages }: Known): Promise<Table> {
  const task = await branchTasks(query, job, spans);
  const table = await query.spans({ job, or: [{ type: "job" }, { task }] }).toArrow();
  const labels = Array.from(table, ({ name, type, runner_id }) => {
    const language = type === "task" ? undefined : languages.get(runner_id ?? "");
    return language === undefined ? name : `${name} [${nameOf(language)}]`;
  });
  return table.assign(new Table({ name: vectorFromArray(labels, new Utf8()) }));
}

/** The tasks above the span that hashed longest, and those that waited for others. */
async function branchTasks(query: QueryClient, job: string, spans: readonly TracedSpan[]): Promise<string[]> {
  const hashing = query.spans({ job, name: "hash files" }).columns("span_id");
  const longest = await hashing.orderBy({ column: "duration_ns", descending: true }).limit(1).toArrow();
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const tasks = new Set(spans.filter(({ type, links }) => type === "task" && links.length > 0).map((s) => s.taskId));
  let at = byId.get(longest.get(0)?.span_id ?? "");
  while (at && byId.delete(at.spanId)) {
    tasks.add(at.taskId);
    at = byId.get(at.parentId);
  }
  return [...tasks].filter((id) => id !== "");
}
