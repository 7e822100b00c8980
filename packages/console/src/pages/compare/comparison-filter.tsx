import { FindField } from "../../widgets/find-field.tsx";
import { type CompareView, changeOf, changes, compareMeasures } from "./compare-view.ts";
import type { ComparisonRow } from "./comparison-rows.ts";

interface ComparisonFilterProps {
  rows: readonly ComparisonRow[];
  view: CompareView;
  onShow: (change: Partial<CompareView>) => void;
}

/** What narrows a comparison down, and which duration it is of. */
export function ComparisonFilter({ rows, view, onShow }: ComparisonFilterProps) {
  return (
    <search className="view-bar">
      <FindField label="Find a name" value={view.find} onChange={(find) => onShow({ find })} />
      <fieldset className="switch" aria-label="Change">
        <Choice text="all" count={rows.length} chosen={view.change === ""} onChoose={() => onShow({ change: "" })} />
        {changes.map((change) => {
          const count = rows.filter((row) => changeOf(row, view.measure) === change).length;
          const chosen = view.change === change;
          if (count === 0 && !chosen) return null;
          return <Choice key={change} text={change} {...{ count, chosen }} onChoose={() => onShow({ change })} />;
        })}
      </fieldset>
      <label className="choice">
        Compare the
        <select
          value={view.measure}
          onChange={({ target }) => onShow({ measure: target.value as CompareView["measure"] })}
        >
          {compareMeasures.map(({ name, hint }) => (
            <option key={name} value={name}>
              {hint}
            </option>
          ))}
        </select>
      </label>
    </search>
  );
}

function Choice(props: { text: string; count: number; chosen: boolean; onChoose: () => void }) {
  const { text, count, chosen, onChoose } = props;
  return (
    <button type="button" className="switch-choice" aria-pressed={chosen} onClick={onChoose}>
      {text} <span className="quiet">{count.toLocaleString()}</span>
    </button>
  );
}
