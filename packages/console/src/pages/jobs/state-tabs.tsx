import type { JobStateCount } from "@spanloom/protocol";
import { type JobStateName, jobStates } from "../../text/job-states.ts";

interface StateTabsProps {
  counts: readonly JobStateCount[] | undefined;
  chosen: readonly JobStateName[];
  onChoose: (states: readonly JobStateName[]) => void;
}

/** How many jobs are in each state; a press shows those alone, another all of them again. */
export function StateTabs({ counts, chosen, onChoose }: StateTabsProps) {
  return (
    <fieldset className="state-tabs">
      <legend className="hidden">States</legend>
      {jobStates.map(({ name, state }) => {
        const count = counts?.find((each) => each.state === state)?.count ?? 0n;
        const pressed = chosen.includes(name);
        const rest = chosen.filter((each) => each !== name);
        return (
          <button
            key={name}
            type="button"
            className={`state-tab ${count > 0n ? `state-${name}` : ""}`}
            aria-pressed={pressed}
            onClick={() => onChoose(pressed ? rest : [...rest, name])}
          >
            <span className="state-tab-count">{counts ? count.toLocaleString() : "–"}</span>
            <span className="state-tab-name">{name}</span>
          </button>
        );
      })}
    </fieldset>
  );
}
