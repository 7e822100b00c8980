import type { TaskCounts } from "@spanloom/protocol";

const parts = [
  { key: "succeeded", tone: "succeeded" },
  { key: "failed", tone: "failed" },
  { key: "cancelled", tone: "cancelled" },
  { key: "skipped", tone: "cancelled" },
  { key: "running", tone: "running" },
  { key: "waiting", tone: "running" },
  { key: "queued", tone: "queued" },
  { key: "scheduled", tone: "queued" },
  { key: "blocked", tone: "blocked" },
] as const;

/** How many tasks of a job are in which state, as one bar; the figures show when pointed at. */
export function CountsBar({ counts }: { counts: TaskCounts | undefined }) {
  const there = parts
    .map((part) => ({ ...part, count: Number(counts?.[part.key] ?? 0n) }))
    .filter(({ count }) => count > 0);
  const total = there.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return <span className="quiet">–</span>;
  const text = there.map(({ key, count }) => `${count.toLocaleString()} ${key}`).join(", ");
  const ended = there.reduce((sum, { key, count }) => (endStates.has(key) ? sum + count : sum), 0);
  return (
    <span className="counts" title={text}>
      <span className="counts-bar" role="img" aria-label={`tasks: ${text}`}>
        {there.map(({ key, tone, count }) => (
          <span key={key} className={`fill-${tone}`} style={{ flexGrow: count }} />
        ))}
      </span>
      <span className="counts-figures">
        {ended.toLocaleString()}/{total.toLocaleString()}
      </span>
    </span>
  );
}

const endStates: ReadonlySet<string> = new Set(["succeeded", "failed", "cancelled", "skipped"]);
