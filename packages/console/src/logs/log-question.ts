import type { LogConditions, QueryClient } from "@spanloom/query";
import type { RecordBatch } from "apache-arrow";
import { logColumns, type SeverityName } from "./log-lines.ts";

/** Severities that the list can be narrowed to, from the least; `all` shows records that gave none as well. */
export const logLevels = ["all", "debug", "info", "warn", "error"] as const satisfies readonly (SeverityName | "all")[];

export type LogLevel = (typeof logLevels)[number];

/** Which records are shown: all of it stands in the URL. */
export interface LogsView {
  level: LogLevel;
  /** Part of the text, in upper or lower case. */
  find: string;
  /** Ids; empty means any. */
  task: string;
  span: string;
}

/** The view of a URL's query; what it does not know is as at first. */
export function parseLogsView(query: string): LogsView {
  const search = new URLSearchParams(query);
  const text = (key: string) => search.get(key) ?? "";
  const level = logLevels.find((each) => each === text("level")) ?? "all";
  return { level, find: text("find"), task: text("task"), span: text("span") };
}

/** The query of a view, without `?`; only what differs from the view at first. */
export function formatLogsView({ level, ...texts }: LogsView): string {
  const search = new URLSearchParams();
  if (level !== "all") search.set("level", level);
  for (const [key, text] of Object.entries(texts)) if (text !== "") search.set(key, text);
  return search.toString();
}

/** The conditions of a view on the records of a job. */
export function toLogConditions(jobId: string, { level, find, task, span }: LogsView): LogConditions {
  const minSeverity = level === "all" ? undefined : (level.toUpperCase() as Uppercase<Exclude<LogLevel, "all">>);
  return {
    job: jobId,
    ...(minSeverity && { minSeverity }),
    ...(find !== "" && { body: { regex: `(?i)${quoteRegex(find)}` } }),
    ...(task !== "" && { task }),
    ...(span !== "" && { span }),
  };
}

/** A text as a regular expression that matches it and nothing else. */
export function quoteRegex(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Where records come from. */
export interface LogSource {
  client: QueryClient;
  jobId: string;
  view: LogsView;
  /** Go on with what comes until the job ends. */
  live: boolean;
  /** Most records of a job that has ended; of one that runs all that come. */
  most: number;
  signal: AbortSignal;
  onInterrupted: (error: unknown) => void;
}

/** The records of a view as batches. */
export function logBatches(source: LogSource): AsyncIterable<RecordBatch> {
  const { client, jobId, view, live, most, signal, onInterrupted } = source;
  const query = client.logs(toLogConditions(jobId, view)).columns(...logColumns);
  return live
    ? query.tail({ existing: true }).stream({ signal, onInterrupted })
    : query.limit(most + 1).stream({ signal });
}
