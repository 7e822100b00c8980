/** The field of a page that narrows it to what has a text in it; `/` goes there. */
export function FindField(props: {
  label: string;
  value: string;
  onChange: (value: string) => void;
  className?: string;
}) {
  const { label, value, onChange, className } = props;
  return (
    <input
      id="search"
      type="search"
      className={className}
      aria-label={label}
      placeholder={label}
      value={value}
      onChange={({ target }) => onChange(target.value)}
    />
  );
}
