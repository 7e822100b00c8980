import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { checkMetrics, hasPrometheus, startPrometheus, waitFor } from "@spanloom/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { AuditRun } from "../audit-run.ts";
import { auditRunners } from "../audit-runners.ts";
import { generatedTree, writeTree } from "../fixture/package-tree.ts";

let folder: string;
let run: AuditRun;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "spanloom-metrics-"));
  await writeTree(join(folder, "node_modules"), generatedTree(60, 400));
  const dir = join(folder, "node_modules");
  const runners = auditRunners(2, { concurrency: 4 });
  run = new AuditRun({ dir, reportPath: join(folder, "report.json"), leaseMs: 60_000, runners });
  await run.start();
});
afterAll(async () => {
  await run.stop();
  await rm(folder, { recursive: true });
});

const page = async () => (await fetch(`${run.url}/metrics`)).text();

test.skipIf(!hasPrometheus())("promtool finds no fault with metrics before, under and after load", async () => {
  const looks = [page()];
  const { id } = await run.submit();
  await run.follow(id, () => looks.push(page()));
  const pages = await Promise.all([...looks, page()]);
  expect(pages.map(checkMetrics).filter((complaint) => complaint !== "")).toEqual([]);
  expect(pages.at(-1)).toMatch(/^spanloom_jobs_ended_total\{spanloom_outcome="succeeded"\} 1$/m);
});

test.skipIf(!hasPrometheus())("Prometheus reads them, and adds up what it is asked for", async () => {
  await using prometheus = await startPrometheus(new URL(run.url));
  await waitFor(async () => (await prometheus.query("up")).size > 0, { what: "Prometheus' first look" });
  expect([...(await prometheus.query("up == 1")).values()]).toEqual([1]);
  const sum = async (expression: string) => [...(await prometheus.query(expression)).values()][0];
  await waitFor(async () => (await sum("sum(spanloom_attempts_ended_total)")) !== undefined, { what: "attempts" });
  const attempts = await sum('sum(spanloom_attempts_ended_total{spanloom_outcome="success"})');
  expect(attempts).toBeGreaterThan(60);
  expect(await sum("sum(spanloom_attempt_duration_seconds_count)")).toBe(
    await sum("sum(spanloom_attempts_ended_total)"),
  );
  expect(
    await sum("histogram_quantile(0.99, sum by (le) (spanloom_queue_wait_duration_seconds_bucket))"),
  ).toBeGreaterThan(0);
});
