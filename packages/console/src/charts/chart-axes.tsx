import type { ChartArea, ShownTime } from "./chart-area.ts";
import { xOfTime } from "./chart-area.ts";
import { clockTicks } from "./clock-ticks.ts";

/** A tick of the axis of values, at a height in pixels. */
export interface ValueTick {
  y: number;
  label: string;
}

const LABEL_PX = 78;

/** Lines and labels of a chart over time. */
export function ChartAxes({ area, time, ticks }: { area: ChartArea; time: ShownTime; ticks: readonly ValueTick[] }) {
  const bottom = area.top + area.height;
  const clock = clockTicks(time.fromMs, time.toMs, Math.floor(area.width / LABEL_PX));
  return (
    <g className="chart-axes">
      {ticks.map(({ y, label }) => (
        <g key={label}>
          <line x1={area.left} x2={area.left + area.width} y1={y} y2={y} />
          <text x={area.left - 6} y={y + 4} textAnchor="end">
            {label}
          </text>
        </g>
      ))}
      {clock.map(({ ms, label }) => {
        const x = xOfTime(area, time, ms);
        return (
          <g key={ms}>
            <line className="chart-mark" x1={x} x2={x} y1={bottom} y2={bottom + 4} />
            {x > area.left + 16 && x < area.left + area.width - 16 && (
              <text x={x} y={bottom + 15} textAnchor="middle">
                {label}
              </text>
            )}
          </g>
        );
      })}
    </g>
  );
}
