/** How far something is: a bar, and its figures beside it. */
export function ProgressBar({ label, done, total }: { label: string; done: bigint; total: bigint }) {
  const part = total > 0n ? Math.min(1, Number(done) / Number(total)) : 0;
  return (
    <div className="progress">
      <span className="progress-label">{label || "progress"}</span>
      <progress aria-label={label || "progress"} max={1} value={part} />
      <span className="progress-figures">
        {done.toLocaleString()} of {total.toLocaleString()}
      </span>
    </div>
  );
}
