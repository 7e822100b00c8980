import { metrics } from "@opentelemetry/api";
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics";
import { type Exporter, exported } from "@spanloom/exporter";
import { prometheusName } from "@spanloom/metrics";
import { ResultStatus } from "@spanloom/protocol";
import { RetryableError, TerminalError, task } from "@spanloom/sdk";
import { waitFor } from "@spanloom/testing";
import { afterEach, describe, expect, it } from "vitest";
import { FakeServer } from "../testing/fake-server.ts";
import { gate, start } from "../testing/runner-harness.ts";
import { runnerCatalogue } from "./catalogue.ts";

afterEach(() => metrics.disable());

const fine = task({ name: "fine", run: (_: undefined, ctx) => ctx.log.info("a line") });
const failing = task({
  name: "failing",
  run: (again: boolean) => {
    throw again ? new RetryableError("later") : new TerminalError("never");
  },
});

/** Value of a series in Prometheus' text; undefined when there is none. */
function numberIn(text: string, series: string): number | undefined {
  const line = text.split("\n").find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1).split(" ")[0]);
}

const attempts = (name: string, outcome: string) =>
  `spanloom_runner_attempts_total{spanloom_task_name="${name}",spanloom_outcome="${outcome}"}`;

describe("a runner's metrics", () => {
  it("count attempts by task and outcome, and those that ask to be run again", async () => {
    const { server, runner } = await start([fine, failing]);
    await server.resultOf(server.push("fine"));
    await server.resultOf(server.push("fine"));
    await server.resultOf(server.push("failing", true));
    await server.resultOf(server.push("failing", false));
    const text = await runner.writeMetrics();
    expect(numberIn(text, attempts("fine", "success"))).toBe(2);
    expect(numberIn(text, attempts("failing", "failure"))).toBe(2);
    expect(numberIn(text, `spanloom_runner_retries_total{spanloom_task_name="failing"}`)).toBe(1);
    expect(numberIn(text, `spanloom_runner_attempt_duration_seconds_count{spanloom_task_name="fine"}`)).toBe(2);
    expect(numberIn(text, `spanloom_runner_lease_wait_duration_seconds_count{spanloom_task_name="fine"}`)).toBe(2);
  });

  it("show what is held: slots, tasks that wait, results that were not reported", async () => {
    const held = gate();
    const slow = task({ name: "slow", run: () => held.promise });
    const { server, runner } = await start([slow], { concurrency: 2 });
    const results = [1, 2].map(() => server.resultOf(server.push("slow")));
    const shows = async (series: string) => numberIn(await runner.writeMetrics(), series);
    await waitFor(async () => (await shows("spanloom_runner_slots_used")) === 2);
    expect(await shows("spanloom_runner_slots")).toBe(2);
    expect(await shows("spanloom_runner_attempts_waiting")).toBe(0);
    held.resolve();
    await Promise.all(results);
    await waitFor(async () => (await shows("spanloom_runner_results_unreported")) === 0);
    expect(await shows("spanloom_runner_slots_used")).toBe(0);
    expect(await shows("spanloom_runner_results_size_bytes")).toBe(0);
    expect(await shows("spanloom_runner_report_delay_seconds_count")).toBe(2);
  });

  it("count lost leases, and results that came too late or were refused", async () => {
    const held = gate();
    const slow = task({ name: "slow", run: () => held.promise });
    const server = new FakeServer();
    server.heartbeatMs = 20;
    const { runner } = await start([fine, slow], {}, server);
    const lost = server.push("slow");
    server.fates.lost.add(lost);
    const shows = async (series: string) => numberIn(await runner.writeMetrics(), series);
    await waitFor(async () => (await shows("spanloom_runner_leases_lost_total")) === 1);
    held.resolve();
    await waitFor(async () => (await shows(attempts("slow", "lost"))) === 1);
    for (const [status, reason] of [
      [ResultStatus.STALE_LEASE, "stale"],
      [ResultStatus.INVALID, "invalid"],
    ] as const) {
      server.acknowledge = () => status;
      server.push("fine");
      const refused = `spanloom_runner_results_refused_total{spanloom_reason="${reason}"}`;
      await waitFor(async () => (await shows(refused)) === 1);
    }
  });

  it("tell exporters of one name apart", async () => {
    const exporter = (): Exporter => ({ name: "mine", export: async () => exported, shutdown: async () => {} });
    const { server, runner } = await start([fine], { exporters: [exporter(), exporter()] });
    await server.resultOf(server.push("fine"));
    await runner.stop();
    const text = await runner.writeMetrics();
    for (const name of ["mine", "mine-2"]) {
      const series = `spanloom_runner_exporter_records_total{spanloom_exporter="${name}",spanloom_outcome="exported"}`;
      expect(numberIn(text, series)).toBeGreaterThan(0);
    }
  });

  it("are all there, and no others", async () => {
    const exporter: Exporter = { name: "mine", export: async () => exported, shutdown: async () => {} };
    const { server, runner } = await start([fine], { exporters: [exporter] });
    await server.resultOf(server.push("fine"));
    const text = await runner.writeMetrics();
    const shown = [...text.matchAll(/^# TYPE (\S+)/gm)]
      .map((match) => match[1])
      .filter((name) => name !== "target_info");
    const names = Object.entries(runnerCatalogue).map(([name, entry]) => prometheusName(name, entry));
    expect(shown.toSorted()).toEqual(names.toSorted());
  });
});

describe("an application's meter provider", () => {
  function provider() {
    const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
    const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
    const made = new MeterProvider({ readers: [reader] });
    const collected = async () => {
      await made.forceFlush();
      const all =
        exporter
          .getMetrics()
          .at(-1)
          ?.scopeMetrics.flatMap((scope) => scope.metrics) ?? [];
      return new Map(all.map(({ descriptor, dataPoints }) => [descriptor.name, dataPoints]));
    };
    return { made, collected };
  }

  it("given as an option collects the runner's metrics", async () => {
    const { made, collected } = provider();
    const { server } = await start([fine], { metrics: { provider: made } });
    await server.resultOf(server.push("fine"));
    const found = await collected();
    expect(found.get("spanloom.runner.attempts")).toContainEqual(
      expect.objectContaining({
        attributes: { "spanloom.task.name": "fine", "spanloom.outcome": "success" },
        value: 1,
      }),
    );
    expect(found.get("spanloom.runner.attempt.duration")?.[0]?.value).toMatchObject({ count: 1 });
    await made.shutdown();
  });

  it("registered globally before the runner starts collects them, too", async () => {
    const { made, collected } = provider();
    metrics.setGlobalMeterProvider(made);
    const { server } = await start([fine]);
    await server.resultOf(server.push("fine"));
    expect((await collected()).get("spanloom.runner.slots")?.[0]?.value).toBe(10);
    await made.shutdown();
  });

  it("is left alone when the runner was given another", async () => {
    const [own, global] = [provider(), provider()];
    metrics.setGlobalMeterProvider(global.made);
    const { server } = await start([fine], { metrics: { provider: own.made } });
    await server.resultOf(server.push("fine"));
    expect((await own.collected()).size).toBeGreaterThan(0);
    expect((await global.collected()).size).toBe(0);
    await Promise.all([own.made.shutdown(), global.made.shutdown()]);
  });
});
