import { readFile } from "node:fs/promises";
import { checkTree } from "@spanloom/query";
import type { JobSnapshot, TaskSnapshot } from "@spanloom/sdk";
import type { Table } from "apache-arrow";
import { findPackages } from "./audit/find-packages.ts";
import type { AuditReport } from "./audit/report.ts";
import { AuditRun } from "./audit-run.ts";
import { auditRunners } from "./audit-runners.ts";
import { killPlan } from "./kill-plan.ts";
import { endedShare } from "./progress-view.ts";
import { countAttempts } from "./trace-facts.ts";

/**
 * What happens to a runner in mid-run: `kill` is SIGKILL; `freeze` is SIGSTOP until the job has ended without it, and
 * then SIGCONT, so that it reports attempts it has long lost.
 */
export type Fault = "kill" | "freeze";

/** What a round needs. */
export interface KillRoundOptions {
  /** Folder to audit. */
  dir: string;
  reportPath: string;
  seed: number;
  runners: number;
  fault: Fault;
  signal?: AbortSignal;
}

/** What a round showed. */
export interface KillRoundResult {
  seed: number;
  fault: Fault;
  /** Whether the fault came before the job ended. */
  struck: boolean;
  /** Attempts that were lost by it. */
  lost: number;
  attempts: number;
  spans: number;
  /** Broken promises, in words; none when all held. */
  broken: string[];
}

// Short, so that a round takes seconds; the heartbeat is a third of it.
const LEASE_MS = 1_000;
const CONCURRENCY = 4;

/**
 * Audits a folder with runners of which one is killed or frozen in mid-run, and checks what Spanloom promises of it:
 * the job succeeds, its spans are one tree, every attempt has its span, lost ones are marked as such, nothing is open,
 * and every package is in the report exactly once.
 */
export async function killRound(options: KillRoundOptions): Promise<KillRoundResult> {
  const { dir, reportPath, seed, runners, fault, signal } = options;
  const commands = auditRunners(runners, { concurrency: CONCURRENCY });
  await using run = new AuditRun({ dir, reportPath, leaseMs: LEASE_MS, runners: commands });
  await run.start();
  const plan = killPlan(seed, runners);
  const victim = run.runners[plan.victim];
  let struck = false;
  const { id } = await run.submit();
  const onChange = (job: JobSnapshot) => {
    if (struck || job.endedAt !== undefined || endedShare(job) < plan.share) return;
    struck = true;
    victim?.signal(fault === "kill" ? "SIGKILL" : "SIGSTOP");
  };
  const job = await run.follow(id, onChange, signal);
  if (struck && fault === "freeze") {
    victim?.signal("SIGCONT");
    // Its end means that it has reported, or tried to report, all it held.
    await victim?.stop();
  }
  const spans = await run.query.spans({ job: id }).toArrow();
  const tasks: TaskSnapshot[] = [];
  for await (const task of run.client.jobs.tasks(id)) tasks.push(task);
  const broken = [
    ...brokenByJob(job),
    ...brokenByTrace(spans, job, tasks),
    ...(await brokenByReport(dir, reportPath)),
    ...(struck ? [] : ["the job ended before the fault came"]),
  ];
  const lost = countAttempts(spans, "lost");
  return { seed, fault, struck, lost, attempts: job.attempts, spans: spans.numRows, broken };
}

function brokenByJob(job: JobSnapshot): string[] {
  if (job.state === "SUCCEEDED") return [];
  const { failure } = job;
  return [`the job ended ${job.state}: ${failure ? `${failure.type}: ${failure.message}` : "no failure given"}`];
}

/** Compares the spans with what the control plane recorded, in both directions. */
function brokenByTrace(spans: Table, job: JobSnapshot, tasks: readonly TaskSnapshot[]): string[] {
  const tree = checkTree(spans);
  const attempts = tasks.flatMap((task) => task.attempts);
  const outcomes = Map.groupBy(attempts, ({ outcome }) => outcome.toLowerCase());
  const facts: [string, number, number][] = [
    ["roots", tree.roots.length, 1],
    ["orphans", tree.orphans.length, 0],
    ["open spans", tree.openSpans.length, 0],
    ["repeated spans", tree.duplicates.length, 0],
    ["job spans", tree.jobs, 1],
    ["task spans", tree.tasks, tasks.length],
    ["attempt spans", tree.attempts, attempts.length],
    ["attempts of the job", job.attempts, attempts.length],
    ["tasks that succeeded", tasks.filter(({ state }) => state === "SUCCEEDED").length, tasks.length],
    ["successful attempts", outcomes.get("success")?.length ?? 0, tasks.length],
    ...[...outcomes].map(([outcome, all]): [string, number, number] => [
      `attempt spans with outcome ${outcome}`,
      countAttempts(spans, outcome),
      all.length,
    ]),
  ];
  return facts
    .filter(([, found, expected]) => found !== expected)
    .map(([what, found, expected]) => `${what}: ${found}, expected ${expected}`);
}

async function brokenByReport(dir: string, reportPath: string): Promise<string[]> {
  const text = await readFile(reportPath, "utf8").catch((error: NodeJS.ErrnoException) => error);
  if (text instanceof Error) return [`the report cannot be read: ${text.message}`];
  const report = JSON.parse(text) as AuditReport;
  const reported = report.packages.map(({ path }) => path).sort();
  const { packages } = await findPackages(dir);
  const expected = packages.map(({ path }) => path).sort();
  const equal = reported.length === expected.length && reported.every((path, i) => path === expected[i]);
  return equal ? [] : [`the report has ${reported.length} packages, the folder ${expected.length}, or others`];
}
