import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { TestClickHouse, taskSet } from "@spanloom/testing";
import { tableFromIPC } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { rowsOf } from "../ingest/otlp-fixture.ts";
import { traceScenarios } from "../lifecycle/testing/trace-scenarios.ts";
import { playedJobs } from "./testing/played-jobs.ts";

const folder = join(import.meta.dirname, "testdata");

type Row = Record<string, unknown>;

async function ownClickHouse() {
  const server = await TestClickHouse.start();
  return { url: server.url, [Symbol.asyncDispose]: () => server.stop() };
}

/** Segments as lines for people, with the sum of each kind. */
function describePath(rows: readonly Row[]): string {
  const startNs = (rows[0]?.start_time as bigint | undefined) ?? 0n;
  const ms = (ns: bigint) => `${Number(ns) / 1e6}ms`;
  const lines = rows.map((row) => {
    const times = `${ms((row.start_time as bigint) - startNs)} .. ${ms((row.end_time as bigint) - startNs)}`;
    const attempt = row.attempt === null ? "" : ` #${row.attempt}`;
    const indent = "  ".repeat(row.depth as number);
    return `${times.padEnd(22)} ${String(row.kind).padEnd(8)} ${indent}${row.name}${attempt} ${row.outcome}`.trimEnd();
  });
  const sums = Map.groupBy(rows, ({ kind }) => kind as string);
  for (const [kind, of] of [...sums].sort()) {
    lines.push(`sum ${kind} ${ms(of.reduce((sum, row) => sum + (row.duration_ns as bigint), 0n))}`);
  }
  return `${lines.join("\n")}\n`;
}

describe("GetCriticalPath", () => {
  it("has golden paths of scenarios that exist, and no others", () => {
    const named = readdirSync(folder).filter((name) => name.endsWith(".txt"));
    expect(named.sort()).toEqual(
      Object.keys(traceScenarios)
        .map((name) => `${name}.txt`)
        .sort(),
    );
  });

  it.each(Object.entries(traceScenarios))("explains a job: %s", async (name, play) => {
    await using jobs = await playedJobs(play);
    const jobId = jobs.driver.jobIds.at(-1)!;
    const rows = rowsOf(...(await jobs.ask(jobId)));
    const { createdAtUs, endedAtUs = jobs.driver.clock.nowUs() } = await jobs.driver.job(jobId);
    expect(rows.reduce((sum, row) => sum + (row.duration_ns as bigint), 0n)).toBe(
      BigInt(endedAtUs - createdAtUs) * 1000n,
    );
    await expect(describePath(rows)).toMatchFileSnapshot(join(folder, `${name}.txt`));
  });

  it("answers with the documented columns, also when there is nothing to tell", async () => {
    await using jobs = await playedJobs(async (driver) => {
      await driver.submit({ name: "quick" });
      await driver.drain();
    });
    const table = tableFromIPC((await jobs.ask(jobs.driver.jobIds[0]!))[0]!);
    expect(table.numRows).toBe(0);
    const schema = table.schema.fields.map(({ name, type, nullable }) => `${name}: ${type}${nullable ? " null" : ""}`);
    expect(schema).toEqual(JSON.parse(readFileSync(join(folder, "critical-path-schema.json"), "utf8")));
    const page = readFileSync(join(import.meta.dirname, "../../../../../docs/schema.md"), "utf8");
    const section = page.split(/^## /m).find((text) => text.startsWith("critical path\n"))!;
    const documented = [...section.matchAll(/^\| `(\w+)` \|/gm)].map((match) => match[1]);
    expect(documented).toEqual(table.schema.fields.map(({ name }) => name));
  });

  it.each(["chDB", "ClickHouse"])(
    "follows what a task depends on, not what ended at the same time: %s",
    async (engine) => {
      await using clickhouse = engine === "ClickHouse" ? await ownClickHouse() : undefined;
      await using jobs = await playedJobs(async (driver) => {
        await driver.submit(
          { name: "a" },
          { name: "b" },
          { name: "after-a", after: ["a"] },
          { name: "after-b", after: ["b"] },
        );
        const [a, b] = await driver.claim();
        driver.clock.advance(10);
        await driver.report(driver.success(a!), driver.success(b!));
        const [afterA, afterB] = await driver.claim();
        driver.clock.advance(5);
        await driver.succeed(afterA!);
        driver.clock.advance(5);
        await driver.succeed(afterB!);
      }, clickhouse?.url);
      const rows = rowsOf(...(await jobs.ask(jobs.driver.jobIds[0]!)));
      expect(rows.map(({ name, kind, task_name, depth }) => [name, kind, task_name, depth])).toEqual([
        ["b", "running", "b", 1],
        ["after-b", "running", "after-b", 1],
      ]);
    },
  );

  it("answers for a job in the trace of its caller, and refuses ids of no job", async () => {
    const other = "01890000-0000-7000-8000-000000000001";
    await using jobs = await playedJobs((driver) =>
      driver.submitJob(driver.newJob(taskSet({ name: "task" }), { trace: callersTrace })),
    );
    jobs.driver.clock.advance(1);
    expect(rowsOf(...(await jobs.ask(jobs.driver.jobIds[0]!)))).toMatchObject([{ kind: "queued", name: "task task" }]);
    await expect(jobs.ask(other)).rejects.toMatchObject({ reason: "JOB_NOT_FOUND" });
    await expect(jobs.ask("x' OR 1")).rejects.toMatchObject({ reason: "INVALID_FIELD" });
  });
});

const callersTrace = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  parentSpanId: "00f067aa0ba902b7",
  tracestate: "",
  baggage: "",
  sampled: true,
};
