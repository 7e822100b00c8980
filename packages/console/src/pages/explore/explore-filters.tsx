import { outcomes, spanTypes } from "@spanloom/protocol";
import { ConditionField } from "../../widgets/condition-field.tsx";
import { conditionKeys, defaultView, type ExploreView, isNarrowed } from "./explore-view.ts";
import { TimeFilter } from "./time-filter.tsx";
import type { Explore } from "./use-explore.ts";

const statuses = ["ERROR", "OK", "UNSET"];

/** Which spans the page is about. */
export function ExploreFilters({ explore }: { explore: Explore }) {
  const { view, show, problems } = explore;
  const field = (key: keyof ExploreView) => ({ value: view[key], onChange: (text: string) => show({ [key]: text }) });
  return (
    <>
      <search className="filters explore-filters">
        <TimeFilter explore={explore} />
        <ConditionField id="search" label="Name" hint={nameHint} {...field("name")} />
        <Choice label="Type" any="any type" options={spanTypes} {...field("type")} />
        <Choice label="Status" any="any status" options={statuses} {...field("status")} />
        <Choice label="Outcome" any="any outcome" options={outcomes} {...field("outcome")} />
        <Choice label="State" any="open or ended" options={openStates} {...field("open")} />
        <ConditionField label="Longer than" hint="Lasted at least, such as 250ms or 1.5s" {...field("min")} />
        <ConditionField label="Shorter than" hint="Lasted at most, such as 250ms or 1.5s" {...field("max")} />
        <ConditionField label="Queue" hint={listHint} {...field("queue")} />
        <ConditionField label="Runner" hint="Ids of runners, with commas between" {...field("runner")} />
        <ConditionField label="Service" hint="Names of services, with commas between" {...field("service")} />
        <ConditionField label="Job" hint="Ids of jobs, with commas between" {...field("job")} />
        <ConditionField label="Attributes, such as code>=500" hint={attributeHint} wide {...field("attributes")} />
        {isNarrowed(view) && (
          <button type="button" className="button button-quiet" onClick={() => show(withoutConditions)}>
            Clear
          </button>
        )}
      </search>
      {problems.map((problem) => (
        <p key={problem} className="problem" role="alert">
          {problem}. It is left out.
        </p>
      ))}
    </>
  );
}

const nameHint = "A part of the name, =the whole name, ^its beginning, or /a regular expression/";
const listHint = 'Names of queues, with commas between; "" is spans without one';
const attributeHint =
  'key=value, key!=value, key>5, key~part, key, !key, with commas between; "quoted" values are text';

const withoutConditions: Partial<ExploreView> = Object.fromEntries(conditionKeys.map((key) => [key, defaultView[key]]));

const openStates = [
  { value: "true", text: "open" },
  { value: "false", text: "ended" },
];

interface ChoiceProps {
  label: string;
  any: string;
  options: readonly (string | { value: string; text: string })[];
  value: string;
  onChange: (value: string) => void;
}

/** One of some words, or any; a list that a link brought stays one of the choices. */
function Choice({ label, any, options, value, onChange }: ChoiceProps) {
  const known = options.map((option) => (typeof option === "string" ? { value: option, text: option } : option));
  const listed = value === "" || known.some((each) => each.value === value);
  return (
    <select
      aria-label={label}
      className={value === "" ? "" : "is-set"}
      value={value}
      onChange={({ target }) => onChange(target.value)}
    >
      <option value="">{any}</option>
      {known.map((each) => (
        <option key={each.value} value={each.value}>
          {each.text}
        </option>
      ))}
      {!listed && <option value={value}>{value}</option>}
    </select>
  );
}
