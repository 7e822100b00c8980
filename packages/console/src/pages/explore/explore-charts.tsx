import { useMemo } from "react";
import { ChartLegend } from "../../charts/chart-legend.tsx";
import { type ChartSeries, TimeChart } from "../../charts/time-chart.tsx";
import { durationTicks } from "../../charts/value-ticks.ts";
import { durationText } from "../../text/duration-text.ts";
import { askOverTime } from "./ask-explore.ts";
import { GroupChart } from "./group-chart.tsx";
import { QueryProblem } from "./query-problem.tsx";
import { timeChange, wholeOf } from "./time-span.ts";
import { useAnswer } from "./use-answer.ts";
import type { Explore } from "./use-explore.ts";

/** Percentiles of the filter over time, beside a measure of each of its groups. */
export function ExploreCharts({ explore }: { explore: Explore }) {
  return (
    <div className="explore-charts">
      <GroupChart explore={explore} />
      <PercentileChart explore={explore} />
    </div>
  );
}

const percentiles = ["p50", "p90", "p95", "p99"] as const;

function PercentileChart({ explore }: { explore: Explore }) {
  const { time, starts, stepMs, key, show } = explore;
  const answer = useAnswer(time && `${key} ${stepMs}`, (signal) => askOverTime(explore.asking(signal), starts, stepMs));
  const series = useMemo(
    (): ChartSeries[] =>
      percentiles.map((name, at) => ({ name, color: String(at), values: answer.data?.values[name] ?? [] })),
    [answer.data],
  );
  return (
    <section className="panel" aria-label="Durations over time">
      <header className="panel-head">
        <h2>Durations over time</h2>
        <ChartLegend series={series} />
      </header>
      {answer.error !== undefined && <QueryProblem error={answer.error} onRetry={explore.refresh} />}
      {answer.data && time && (
        <TimeChart
          label="Percentiles of durations over time. Drag to look at a part of it."
          kind="lines"
          starts={answer.data.starts}
          time={wholeOf(answer.data.starts, answer.data.stepMs)}
          series={series}
          ticks={(most) => durationTicks(most, 4)}
          format={(ns) => durationText(ns / 1e6)}
          onTime={(part) => show(timeChange(part))}
        />
      )}
    </section>
  );
}
