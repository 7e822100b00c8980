import type { ChartSeries } from "./time-chart.tsx";

/** Names of a chart's series; where they can be chosen a press narrows to one. */
export function ChartLegend({
  series,
  onChoose,
}: {
  series: readonly Pick<ChartSeries, "name" | "color">[];
  onChoose?: (at: number) => void;
}) {
  return (
    <div className="chart-legend">
      {series.map(({ name, color }, at) =>
        onChoose && color !== "other" ? (
          <button key={name} type="button" title={`Show ${name} alone`} onClick={() => onChoose(at)}>
            <span className={`chart-key series-${color}`} /> {name}
          </button>
        ) : (
          <span key={name}>
            <span className={`chart-key series-${color}`} /> {name}
          </span>
        ),
      )}
    </div>
  );
}
