import { ChartLegend } from "../../charts/chart-legend.tsx";
import { type ChartSeries, TimeChart, type TimeChartProps } from "../../charts/time-chart.tsx";
import { durationTicks, valueTicks } from "../../charts/value-ticks.ts";
import { type Asking, askGroups, askGroupsOverTime, type Group } from "./ask-explore.ts";
import { conditionsOf } from "./explore-conditions.ts";
import { type GroupKey, groupKeys, groupText, narrowTo } from "./group-key.ts";
import { type MeasureText, measures, shownMeasures } from "./measures.ts";
import { QueryProblem } from "./query-problem.tsx";
import { timeChange, wholeOf } from "./time-span.ts";
import { type Answer, useAnswer } from "./use-answer.ts";
import type { Explore } from "./use-explore.ts";

/** Measures whose groups can stand on top of each other. */
const summed: readonly string[] = ["count", "errors", "sum"];

/** A measure of the largest groups over time. */
export function GroupChart({ explore }: { explore: Explore }) {
  const { view, show } = explore;
  const measure = measures.find((each) => each.measure === view.chart) ?? measures[0]!;
  const keys = groupKeys(view);
  const lines = useLines(explore, keys, measure);
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
          series={lines.data?.series ?? []}
          onChoose={(at) => {
            const group = lines.data?.groups[at];
            const change = group && narrowTo(view, lines.data?.keys ?? [], group.values);
            if (change) show(change);
          }}
        />
      </header>
      {lines.error !== undefined && <QueryProblem error={lines.error} onRetry={explore.refresh} />}
      {lines.data && <LinesChart lines={lines.data} onTime={(time) => show(timeChange(time))} />}
    </section>
  );
}

function LinesChart({ lines, onTime }: { lines: GroupLines; onTime: TimeChartProps["onTime"] }) {
  const { measure, starts, stepMs, series } = lines;
  return (
    <TimeChart
      label={`${measure.label} of the largest groups over time. Drag to look at a part of it.`}
      kind={summed.includes(measure.measure) ? "bars" : "lines"}
      starts={starts}
      time={wholeOf(starts, stepMs)}
      series={series}
      ticks={ticksOf(measure)}
      format={measure.format}
      onTime={onTime}
    />
  );
}

function ticksOf({ column, measure }: MeasureText): (most: number) => number[] {
  if (column.endsWith("_ns")) return (most) => durationTicks(most, 4);
  if (measure === "error_rate") return (most) => valueTicks(most, 4);
  return (most) => valueTicks(most, Math.min(4, Math.max(1, most)));
}

/** Groups that are drawn; the rest is drawn as one where it can be. */
const DRAWN_GROUPS = 7;

/** Lines as they were asked for, with what that was: what is on the page by then may be asked for already. */
interface GroupLines {
  groups: readonly Group[];
  keys: readonly GroupKey[];
  measure: MeasureText;
  starts: readonly number[];
  stepMs: number;
  series: readonly ChartSeries[];
}

/** A line for each of the largest groups; without keys one for all spans. */
function useLines(explore: Explore, keys: readonly GroupKey[], measure: MeasureText): Answer<GroupLines> {
  const { view, starts, stepMs, key, time } = explore;
  return useAnswer(time && `${key} ${view.group} ${measure.measure} ${stepMs}`, async (signal) => {
    const about = { keys, measure, starts, stepMs };
    if (keys.length === 0) return { ...about, groups: [], series: [await allSpans(explore, measure, signal)] };
    const shown = shownMeasures([measure.measure]);
    const ask = { keys, shown, sort: `-${measure.column}`, limit: DRAWN_GROUPS };
    const { groups, more } = await askGroups(explore.asking(signal), ask);
    if (groups.length === 0) return { ...about, groups, series: [] };
    const lines = await askGroupsOverTime(askingFor(explore, keys, groups, signal), about, groups);
    const series = groups.map(({ values }, at) => ({
      name: values.map(groupText).join(" · "),
      color: String(at),
      values: lines[at] ?? [],
    }));
    const rest = more && summed.includes(measure.measure) ? await restOf(explore, measure, series, signal) : [];
    return { ...about, groups, series: [...series, ...rest] };
  });
}

/** Asks for some groups alone where conditions can tell them from others: all of them could be 100,000. */
function askingFor(explore: Explore, keys: readonly GroupKey[], groups: readonly Group[], signal: AbortSignal): Asking {
  const { view, time } = explore;
  const narrowed = groups.map(({ values }) => narrowTo(view, keys, values));
  if (narrowed.includes(undefined)) return explore.asking(signal);
  const or = narrowed.map((change) => conditionsOf({ ...view, ...change }, time).conditions);
  return { ...explore.asking(signal), conditions: { or } };
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
