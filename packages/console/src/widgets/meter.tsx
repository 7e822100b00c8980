/** How full something is: a short bar, and its figures beside it. */
export function Meter({ label, used, of }: { label: string; used: number; of: number }) {
  const part = of > 0 ? Math.min(1, used / of) : 0;
  return (
    <span className="meter" title={`${label}: ${used.toLocaleString()} of ${of.toLocaleString()}`}>
      <span className="counts-bar" aria-hidden="true">
        {part > 0 && <span className="fill-running" style={{ flexGrow: part }} />}
        <span className="fill-none" style={{ flexGrow: 1 - part }} />
      </span>
      <span className="meter-figures">
        {used.toLocaleString()} of {of.toLocaleString()}
      </span>
    </span>
  );
}
