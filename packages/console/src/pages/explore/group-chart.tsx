import { ChartLegend } from "../../charts/chart-legend.tsx";
import { type ChartSeries, TimeChart } from "../../charts/time-chart.tsx";
import { durationTicks, valueTicks } from "../../charts/value-ticks.ts";
import { askGroupsOverTime, type Group } from "./ask-explore.ts";
import { conditionsOf } from "./explore-conditions.ts";
import { type GroupKey, groupKeys, groupText, narrowTo } from "./group-key.ts";
import { type MeasureText, measures } from "./measures.ts";
import { QueryProblem } from "./query-problem.tsx";
import { wholeOf } from "./time-span.ts";
import { type Answer, useAnswer } from "./use-answer.ts";
import type { Explore } from "./use-explore.ts";
import { useDrawnGroups } from "./use-groups.ts";

/** Measures whose groups can stand on top of each other. */
const summed: readonly string[] = ["count", "errors", "sum"];

/** A measure of the largest groups over time. */
export function GroupChart({ explore }: { explore: Explore }) {
  const { view, show, time, starts, stepMs } = explore;
  const measure = measures.find((each) => each.measure === view.chart) ?? measures[0]!;
  const keys = groupKeys(view);
  const lines = useLines(explore, keys, measure);
  const series = lines.data?.series ?? [];
  return (
    <section className="panel" aria-label="Groups over time">
      <header className="panel-head">
        <h2>
          <label>
            <span className="hidden">Measure of the chart</span>
            <select value={measure.measure} onChange={({ target }) => show({ chart: target.value })}>
              {measures.map(({ measure: each, label }) => (
                <option key={each} value={each}>
                  {label}
                </option>
              ))}
            </select>
          </label>{" "}
          over time
        </h2>
        <ChartLegend
          series={series}
          onChoose={(at) => {
            const change = narrowTo(view, keys, lines.data?.groups[at]?.values ?? []);
            if (change) show(change);
          }}
        />
      </header>
      {lines.error !== undefined && <QueryProblem error={lines.error} onRetry={explore.refresh} />}
      {lines.data && time && (
        <TimeChart
          label={`${measure.label} of the largest groups over time. Drag to look at a part of it.`}
          kind={summed.includes(measure.measure) ? "bars" : "lines"}
          starts={starts}
          time={wholeOf(starts, stepMs)}
          series={series}
          ticks={ticksOf(measure)}
          format={measure.format}
          onTime={({ fromMs, toMs }) => show({ period: "", from: String(fromMs), to: String(toMs) })}
        />
      )}
    </section>
  );
}

function ticksOf({ column, measure }: MeasureText): (most: number) => number[] {
  if (column.endsWith("_ns")) return (most) => durationTicks(most, 4);
  if (measure === "error_rate") return (most) => valueTicks(most, 4);
  return (most) => valueTicks(most, Math.min(4, Math.max(1, most)));
}

interface GroupLines {
  groups: readonly Group[];
  series: readonly ChartSeries[];
}

/** A line for each of the largest groups; without keys one for all spans. */
function useLines(explore: Explore, keys: readonly GroupKey[], measure: MeasureText): Answer<GroupLines> {
  const { view, starts, stepMs, key, time } = explore;
  const drawn = useDrawnGroups(explore, keys, measure);
  const groups = keys.length === 0 ? [] : drawn.data?.groups;
  const ready = time !== undefined && groups !== undefined && !drawn.loading;
  const asked = ready ? `${key} ${view.group} ${measure.measure} ${stepMs}` : undefined;
  const answer = useAnswer<GroupLines>(asked, async (signal) => {
    const asking = explore.asking(signal);
    if (!groups || keys.length === 0) return { groups: [], series: [await allSpans(explore, measure, signal)] };
    const narrowed = groups.map(({ values }) => narrowTo(view, keys, values));
    const told = narrowed.every((change) => change !== undefined);
    // The largest groups alone are asked for where conditions can tell them from others: all could be 100,000.
    const or = narrowed.map((change) => conditionsOf({ ...view, ...change }, time).conditions);
    const conditions = told ? { or } : asking.conditions;
    const lines = await askGroupsOverTime({ ...asking, conditions }, { keys, measure, starts, stepMs }, groups);
    const series = groups.map(({ values }, at) => ({
      name: values.map(groupText).join(" · "),
      color: String(at),
      values: lines[at] ?? [],
    }));
    const rest =
      drawn.data?.more && summed.includes(measure.measure) ? await restOf(explore, measure, series, signal) : [];
    return { groups, series: [...series, ...rest] };
  });
  return drawn.error !== undefined ? { ...answer, error: drawn.error } : answer;
}

async function allSpans(explore: Explore, measure: MeasureText, signal: AbortSignal): Promise<ChartSeries> {
  const [values = []] = await askGroupsOverTime(
    explore.asking(signal),
    { keys: [], measure, starts: explore.starts, stepMs: explore.stepMs },
    [{ values: [], measured: {} }],
  );
  return { name: "all spans", color: measure.measure.startsWith("error") ? "failed" : "0", values };
}

/** What the groups that are not drawn come to. */
async function restOf(
  explore: Explore,
  measure: MeasureText,
  drawn: readonly ChartSeries[],
  signal: AbortSignal,
): Promise<ChartSeries[]> {
  const all = await allSpans(explore, measure, signal);
  const values = all.values.map((value, bucket) =>
    Math.max(
      0,
      drawn.reduce((rest, each) => rest - (each.values[bucket] ?? 0), value ?? 0),
    ),
  );
  return [{ name: "others", color: "other", values }];
}
