import { useLocation } from "wouter";
import { periods } from "../../text/periods.ts";
import { formatTags, parseTags } from "../../text/tag-list.ts";
import { triggerTypes } from "../../text/trigger-types.ts";
import { TypedFilter } from "../../widgets/typed-filter.tsx";
import { isFiltered, type JobsView, parseJobsView } from "./jobs-view.ts";

interface FilterBarProps {
  view: JobsView;
  onChange: (change: Partial<JobsView>) => void;
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** What narrows the list down. */
export function FilterBar({ view, onChange }: FilterBarProps) {
  const [, navigate] = useLocation();
  const search = (text: string) => {
    if (uuid.test(text.trim())) navigate(`/jobs/${text.trim().toLowerCase()}`);
    else onChange({ search: text });
  };
  return (
    <search className="filters">
      <TypedFilter
        id="search"
        label="Search this page, or go to an id"
        value={view.search}
        onChange={search}
        className="filter-wide"
      />
      <TypedFilter label="Name" value={view.name} onChange={(name) => onChange({ name })} />
      <TypedFilter
        label="Tags, k=v"
        value={formatTags(view.tags)}
        onChange={(text) => onChange({ tags: parseTags(text) })}
      />
      <TypedFilter label="Queue" value={view.queue} onChange={(queue) => onChange({ queue })} />
      <TypedFilter label="Runner" value={view.runner} onChange={(runner) => onChange({ runner })} />
      <select
        aria-label="Kind of trigger"
        value={view.from}
        onChange={(event) => onChange({ from: event.target.value })}
      >
        <option value="">any trigger</option>
        {triggerTypes.map(({ name }) => (
          <option key={name}>{name}</option>
        ))}
      </select>
      {(view.from === "schedule" || view.schedule !== "") && (
        <TypedFilter
          label="Name of the schedule"
          value={view.schedule}
          onChange={(schedule) => onChange({ schedule })}
        />
      )}
      {(view.from === "event" || view.from === "webhook" || view.trigger !== "") && (
        <TypedFilter label="Name of the trigger" value={view.trigger} onChange={(trigger) => onChange({ trigger })} />
      )}
      <select aria-label="Period" value={view.period} onChange={(event) => onChange({ period: event.target.value })}>
        <option value="">at any time</option>
        {periods.map(({ name, text }) => (
          <option key={name} value={name}>
            in the last {text}
          </option>
        ))}
      </select>
      {isFiltered(view) && (
        <button type="button" className="button button-quiet" onClick={() => onChange(parseJobsView(""))}>
          Clear
        </button>
      )}
    </search>
  );
}
