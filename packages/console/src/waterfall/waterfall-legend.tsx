const kinds = [
  ["task", "job, task"],
  ["running", "attempt runs"],
  ["code", "code within it"],
  ["failed", "failed"],
  ["cancelled", "cancelled, skipped"],
  ["queued", "queued"],
  ["blocked", "blocked"],
  ["backoff", "backoff"],
] as const;

const keys = [
  ["↑ ↓ Home End", "from line to line"],
  ["← →", "fold, unfold, to the parent or child"],
  ["Enter", "zoom to the span"],
  ["+ − 0", "zoom in, out, all of it"],
  ["a d", "earlier, later"],
  ["e E", "next, last failure"],
  ["Esc", "close the span"],
] as const;

/** What the bars mean, and which keys there are. */
export function WaterfallLegend({ path }: { path: boolean }) {
  return (
    <div className="waterfall-legend">
      <ul aria-label="What the bars mean">
        {kinds.map(([kind, text]) => (
          <li key={kind}>
            <i className={`swatch swatch-${kind}`} aria-hidden="true" /> {text}
          </li>
        ))}
        {path && (
          <li>
            <i className="swatch swatch-path" aria-hidden="true" /> on the critical path
          </li>
        )}
      </ul>
      <details className="waterfall-keys">
        <summary>Keys</summary>
        <dl>
          {keys.map(([key, text]) => (
            <div key={key} className="waterfall-keys-line">
              <dt>
                <kbd>{key}</kbd>
              </dt>
              <dd>{text}</dd>
            </div>
          ))}
          <div className="waterfall-keys-line">
            <dt>wheel</dt>
            <dd>scrolls; with Shift through time, with Ctrl zooms</dd>
          </div>
        </dl>
      </details>
    </div>
  );
}
