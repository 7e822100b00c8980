import { TypedFilter } from "../../widgets/typed-filter.tsx";

/** A condition on a list, typed above it. */
export function ListFilter(props: { label: string; value: string; onChange: (value: string) => void }) {
  return (
    <search className="filters">
      <TypedFilter id="search" className="filter-only" {...props} />
    </search>
  );
}
