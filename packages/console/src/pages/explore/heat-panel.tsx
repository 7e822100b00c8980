import { useMemo, useState } from "react";
import { heatRows } from "../../charts/heat-grid.ts";
import { HeatMap, type HeatPart } from "../../charts/heat-map.tsx";
import { theme } from "../../state/settings.ts";
import { useValue } from "../../state/value-store.ts";
import type { Totals } from "./ask-explore.ts";
import { nanosecondsText } from "./nanoseconds-text.ts";
import { bucketsOf, stepFor, timeChange, wholeOf } from "./time-span.ts";
import type { Explore } from "./use-explore.ts";
import { useHeat } from "./use-heat.ts";

/** More are counted when somebody asks for it: a million are some 20 MB to receive. */
const COUNTED_BY_ITSELF = 2_000_000;
const COLUMNS = 150;
const ROWS = 36;

/** How long spans took over time, each of them counted. */
export function HeatPanel({ explore, totals }: { explore: Explore; totals: Totals }) {
  const { time, key, conditions, show } = explore;
  const [wanted, setWanted] = useState("");
  const chosen = useValue(theme);
  const stepMs = time ? stepFor(time, COLUMNS) : 1_000;
  const starts = useMemo(() => (time ? bucketsOf(time, stepMs) : []), [time, stepMs]);
  const counts = totals.count <= COUNTED_BY_ITSELF || wanted === key;
  const state = useHeat(time && counts ? { key, conditions, stepMs, starts } : undefined);
  const { counted } = state;
  const rows = useMemo(() => counted && heatRows(counted.heat, ROWS), [counted]);
  const whole = useMemo(() => counted && wholeOf(counted.question.starts, counted.question.stepMs), [counted]);
  const choose = ({ time: part, minNs, belowNs }: HeatPart) =>
    show({
      ...timeChange(part),
      min: minNs <= 1 ? "" : nanosecondsText(minNs),
      max: nanosecondsText(belowNs - 1),
    });
  return (
    <section className="panel heat-panel" aria-label="Heat map of durations">
      <header className="panel-head">
        <h2>Heat map of durations</h2>
        <span className="quiet" role="status">
          {counts && !state.done && `counted ${state.spans.toLocaleString()} of ${totals.count.toLocaleString()}…`}
        </span>
        <span className="quiet chart-hint">
          fuller cells are stronger, failed spans red; drag over a part to look into it
        </span>
      </header>
      {state.problem !== undefined && (
        <p className="problem" role="alert">
          {state.problem}
        </p>
      )}
      {!counts && (
        <p className="panel-foot">
          <button type="button" className="button" onClick={() => setWanted(key)}>
            Count {totals.count.toLocaleString()} spans
          </button>{" "}
          <span className="quiet">It takes a while: each of them is received.</span>
        </p>
      )}
      {counts && rows && counted && whole && (
        <HeatMap
          label={`Durations of ${state.spans.toLocaleString()} spans over time. Drag over a part to look at its spans.`}
          rows={rows}
          starts={counted.question.starts}
          time={whole}
          theme={chosen}
          onPart={choose}
        />
      )}
      {counts && state.done && !rows && state.problem === undefined && (
        <p className="quiet">None of these spans has ended.</p>
      )}
    </section>
  );
}
