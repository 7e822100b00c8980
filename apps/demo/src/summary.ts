import { checkTree, type QueryClient } from "@spanloom/query";
import type { JobSnapshot, JobStateName } from "@spanloom/sdk";
import type { Table } from "apache-arrow";
import type { RuntimeFacts } from "./polyglot/runtime-facts.ts";

/** What summary.json holds. */
export interface Summary {
  jobId: string;
  state: JobStateName;
  tasks: number;
  attempts: number;
  spans: number;
  /** Spans whose parent is missing. */
  orphans: number;
  /** Spans without an end. */
  openSpans: number;
  logs: number;
  /** From the submission until its end was seen. */
  wallMs: number;
  /** Runner processes at the start. */
  runners: number;
  /** Who did what, when it ran in several languages. */
  runtimes?: RuntimeFacts;
}

/** Sums up an ended job, from what the control plane says and what its spans say. */
export async function summarizeJob(
  job: JobSnapshot,
  spans: Table,
  query: QueryClient,
  { wallMs, runners }: { wallMs: number; runners: number },
): Promise<Summary> {
  const tree = checkTree(spans);
  const logs = await query.logs({ job: job.id, columns: ["time"] }).toArrow();
  return {
    jobId: job.id,
    state: job.state,
    tasks: Object.values(job.counts).reduce((sum, count) => sum + count, 0),
    attempts: job.attempts,
    spans: spans.numRows,
    orphans: tree.orphans.length,
    openSpans: tree.openSpans.length,
    logs: logs.numRows,
    wallMs: Math.round(wallMs),
    runners,
  };
}
