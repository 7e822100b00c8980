import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { JobSnapshot } from "@spanloom/sdk";
import type { AuditReport } from "./audit/report.ts";
import { AuditRun } from "./audit-run.ts";
import { auditRunners } from "./audit-runners.ts";
import { killPlan } from "./kill-plan.ts";
import { type DemoOptions, UsageError } from "./options.ts";
import { readMixedTrace } from "./polyglot/mixed-trace.ts";
import { findToolchains, PYTHON_RUNNER, setUpPolyglot } from "./polyglot/set-up.ts";
import { endedShare, ProgressView } from "./progress-view.ts";
import { type Results, renderResults } from "./results-view.ts";
import { type Summary, summarizeJob } from "./summary.ts";

/** The terminal, or what stands for it. */
export interface DemoIo {
  write: (text: string) => void;
  /** Whether lines can be rewritten. */
  live: boolean;
  color: boolean;
  columns: number;
  nowMs: () => number;
  /** Ends the demo early; everything is still cleaned up. */
  signal?: AbortSignal;
}

// The shortest lease the protocol allows by default: what a killed runner held waits this long.
const LEASE_MS = 5_000;
const CONCURRENCY = 8;

/**
 * Runs the audit from nothing to its files: server, runners, job, report.json, spans.arrow and summary.json.
 *
 * Errors: UsageError when the folder cannot be audited or a language is missing; what stops the system from starting.
 */
export async function runDemo(options: DemoOptions, io: DemoIo): Promise<Summary> {
  const dir = await auditableFolder(options.dir);
  const toolchains = options.polyglot ? findToolchains(process.env) : undefined;
  const out = resolve(options.out);
  await mkdir(out, { recursive: true });
  const reportPath = join(out, "report.json");
  // An old report must not pass for this run's.
  await rm(reportPath, { force: true });
  io.write(`Auditing ${dir}\n`);
  const runners = toolchains
    ? await setUpPolyglot(toolchains, io)
    : auditRunners(options.runners, { concurrency: CONCURRENCY });
  await using run = new AuditRun({ dir, reportPath, leaseMs: LEASE_MS, runners });
  await run.start();
  io.write(`Server at ${run.url}, runners ${run.runners.map(({ pid }) => pid).join(", ")}\n`);
  const submittedAtMs = io.nowMs();
  const { id } = await run.submit();
  const job = await followJob(run, id, options, io);
  const wallMs = io.nowMs() - submittedAtMs;
  const spans = await run.query.spans({ job: id }).toArrow();
  await run.query.spans({ job: id }).toFile(join(out, "spans.arrow"));
  const mixed = options.polyglot ? await readMixedTrace(run.query, id) : undefined;
  const summary = {
    ...(await summarizeJob(job, spans, run.query, { wallMs, runners: options.runners })),
    ...(mixed && { runtimes: mixed.facts }),
  };
  await writeFile(join(out, "summary.json"), `${JSON.stringify(summary, null, 2)}\n`);
  const results: Results = { job, summary, spans, ...(mixed && { mixed }), ...(await readReport(reportPath)) };
  io.write(renderResults(results, { width: io.columns, color: io.color }));
  io.write(`\nWrote report.json, spans.arrow and summary.json to ${out}\n`);
  return summary;
}

async function followJob(run: AuditRun, jobId: string, options: DemoOptions, io: DemoIo): Promise<JobSnapshot> {
  const view = new ProgressView(io);
  const plan = options.kill ? killPlan(options.seed, options.runners) : undefined;
  const failed = Promise.withResolvers<never>();
  let killed = false;
  const onChange = (job: JobSnapshot) => {
    view.show(job);
    if (!plan || killed || endedShare(job) < plan.share) return;
    killed = true;
    const victim = run.runners[options.polyglot ? PYTHON_RUNNER : plan.victim];
    view.note(`Killing runner ${victim?.pid} (seed ${options.seed}); what it held is lost after ${LEASE_MS / 1000} s`);
    victim?.signal("SIGKILL");
    // No other has its tasks.
    if (options.polyglot) run.startAnother(PYTHON_RUNNER).catch(failed.reject);
  };
  try {
    return await Promise.race([run.follow(jobId, onChange, io.signal), failed.promise]);
  } finally {
    view.end();
  }
}

async function auditableFolder(dir: string): Promise<string> {
  const path = resolve(dir);
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => error);
  if (found instanceof Error) {
    const reason = found.code === "ENOENT" ? "no such folder" : found.message;
    throw new UsageError(`cannot audit "${dir}": ${reason}`);
  }
  if (!found.isDirectory()) throw new UsageError(`cannot audit "${dir}": it is not a folder`);
  return path;
}

async function readReport(path: string): Promise<{ report?: AuditReport }> {
  try {
    return { report: JSON.parse(await readFile(path, "utf8")) as AuditReport };
  } catch (error) {
    // A job that failed leaves no report; anything else would be a defect.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
    throw error;
  }
}
