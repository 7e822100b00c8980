/** A condition on a list, typed above it. */
export function ListFilter(props: { label: string; value: string; onChange: (value: string) => void }) {
  const { label, value, onChange } = props;
  return (
    <search className="filters">
      <input
        id="search"
        type="search"
        className="filter-only"
        aria-label={label}
        placeholder={label}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </search>
  );
}
