import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type PlainSpan, plainSpans } from "@spanloom/testing";
import { AuditRun, type AuditRunOptions } from "../../audit-run.ts";
import { type AuditRunnerOptions, auditRunners } from "../../audit-runners.ts";
import { generatedTree, writeTree } from "../../fixture/package-tree.ts";

/** The trace of one run of the demo, as Spanloom stored it. */
export interface DemoTrace extends AsyncDisposable {
  /** Export requests of OTLP's JSON, one a line. */
  readonly file: string;
  readonly traceId: string;
  /** Its spans by span id. */
  readonly spans: Map<string, PlainSpan[]>;
}

/** What is different about a run. */
export interface DemoTraceOptions extends Pick<AuditRunOptions, "exporters"> {
  runner?: Pick<AuditRunnerOptions, "tasks" | "env">;
}

/**
 * Runs the demo on a generated tree of packages, and exports its trace to a file. When it resolves runners and server
 * have stopped, and so have given on all that is for exporters.
 */
export async function makeDemoTrace({ exporters, runner }: DemoTraceOptions = {}): Promise<DemoTrace> {
  const folder = await mkdtemp(join(tmpdir(), "spanloom-exported-"));
  const file = join(folder, "trace.otlp.jsonl");
  await writeTree(join(folder, "node_modules"), generatedTree(60, 400));
  await using run = new AuditRun({
    dir: join(folder, "node_modules"),
    reportPath: join(folder, "report.json"),
    leaseMs: 60_000,
    runners: auditRunners(2, { concurrency: 4, ...runner }),
    ...(exporters && { exporters }),
  });
  await run.start();
  const { id } = await run.submit();
  await run.follow(id, () => {});
  await run.query.spans({ job: id }).toFile(file);
  const lines = (await readFile(file, "utf8")).trim().split("\n");
  const spans = plainSpans(lines.map((line) => JSON.parse(line)));
  return {
    file,
    traceId: [...spans.values()][0]![0]!.traceId,
    spans,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  };
}
