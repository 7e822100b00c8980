import type { QueryClient } from "@spanloom/query";
import type { RecordBatch } from "apache-arrow";
import type { DetailEvent, DetailLog, SpanDetails } from "./waterfall-messages.ts";

const columns = [
  "span_id",
  "trace_id",
  "name",
  "type",
  "kind",
  "status",
  "status_message",
  "outcome",
  "start_time",
  "duration_ns",
  "task_id",
  "task_name",
  "task_version",
  "attempt",
  "queue",
  "runner_id",
  "service_name",
  "scope_name",
  "attributes",
  "resource_attributes",
  "events",
  "links",
] as const;

const factColumns = [
  "task_name",
  "task_version",
  "task_id",
  "attempt",
  "queue",
  "runner_id",
  "service_name",
  "scope_name",
];

/** Most records of a log that are shown beside a span. */
const MOST_LOGS = 500;

/** Asks for all of one span, and its log; of a task the log of its attempts. Undefined when the span is not there. */
export async function fetchDetails(
  client: QueryClient,
  { jobId, spanId, row }: { jobId: string; spanId: string; row: number },
): Promise<SpanDetails | undefined> {
  const logsOf = (of: { span: string } | { task: string }) =>
    rowsOf(
      client
        .logs({ job: jobId, ...of })
        .columns("time", "severity", "body")
        .limit(MOST_LOGS)
        .stream(),
    );
  const [[span], logs] = await Promise.all([
    rowsOf(
      client
        .spans({ job: jobId, span: spanId })
        .columns(...columns)
        .limit(1)
        .stream(),
    ),
    logsOf({ span: spanId }),
  ]);
  if (!span) return undefined;
  const details = detailsOf(span);
  // A task's span has no log of its own: what its attempts wrote stands for it.
  const { task_id: task } = details.facts;
  const records = details.type === "task" && task ? await logsOf({ task }) : logs;
  return { row, ...details, logs: records.map(logOf) };
}

/** Most links that are looked up. */
const MOST_LINKS = 100;

/** The details with the jobs of the spans that its links lead to, as far as those are stored. */
export async function withLinkedJobs(client: QueryClient, details: SpanDetails): Promise<SpanDetails> {
  const asked = details.links.slice(0, MOST_LINKS);
  if (asked.length === 0) return details;
  const rows = await rowsOf(
    client
      .spans({
        trace: [...new Set(asked.map(({ traceId }) => traceId))],
        span: [...new Set(asked.map(({ spanId }) => spanId))],
      })
      .columns("trace_id", "span_id", "name", "job_id")
      .stream(),
  );
  const linked = new Map(rows.map((row) => [`${text(row.trace_id)} ${text(row.span_id)}`, row]));
  const links = details.links.map((link) => {
    const row = linked.get(`${link.traceId} ${link.spanId}`);
    return row ? { ...link, name: text(row.name), jobId: text(row.job_id) } : link;
  });
  return { ...details, links };
}

/** Rows as batches give them: what makes tables and data frames compiles functions, which the page's policy forbids. */
async function rowsOf(batches: AsyncIterable<RecordBatch>): Promise<Record<string, unknown>[]> {
  const rows: Record<string, unknown>[] = [];
  for await (const batch of batches) rows.push(...(batch.toArray() as Record<string, unknown>[]));
  return rows;
}

/** What is known of a span, from its row. */
export function detailsOf(span: Readonly<Record<string, unknown>>): Omit<SpanDetails, "row" | "logs"> {
  const startMs = msOf(span.start_time);
  const facts = factColumns.filter((column) => (span[column] ?? "") !== "");
  return {
    spanId: text(span.span_id),
    traceId: text(span.trace_id),
    name: text(span.name),
    type: text(span.type),
    kind: text(span.kind),
    status: text(span.status),
    statusMessage: text(span.status_message),
    outcome: text(span.outcome),
    startMs,
    durationMs: span.duration_ns == null ? undefined : Number(span.duration_ns) / 1e6,
    facts: Object.fromEntries(facts.map((column) => [column, text(span[column])])),
    attributes: textMap(span.attributes),
    resource: textMap(span.resource_attributes),
    events: listOf(span.events).map((event) => eventOf(event, startMs)),
    links: listOf(span.links).map((link) => ({
      traceId: text(link.trace_id),
      spanId: text(link.span_id),
      attributes: textMap(link.attributes),
    })),
  };
}

function eventOf(event: Readonly<Record<string, unknown>>, startMs: number): DetailEvent {
  return {
    name: text(event.name),
    offsetMs: msOf(event.time) - startMs,
    attributes: textMap(event.attributes),
  };
}

function logOf(record: Readonly<Record<string, unknown>>): DetailLog {
  return { timeMs: msOf(record.time), severity: text(record.severity), body: text(record.body) };
}

function listOf(value: unknown): Record<string, unknown>[] {
  return value == null ? [] : [...(value as Iterable<Record<string, unknown>>)];
}

function textMap(value: unknown): Record<string, string> {
  const plain = (value as { toJSON?: () => object } | null)?.toJSON?.() ?? value ?? {};
  return Object.fromEntries(Object.entries(plain).map(([key, each]) => [key, text(each)]));
}

/** Arrow gives times as milliseconds with a fraction. */
function msOf(value: unknown): number {
  return Number(value ?? 0);
}

function text(value: unknown): string {
  return value == null ? "" : String(value);
}
