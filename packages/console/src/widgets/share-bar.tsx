/** A part of a whole as a bar, which may begin within it; the figures stand beside it. Units of parts: 0..1. */
export function ShareBar({ kind, from = 0, part }: { kind: string; from?: number; part: number }) {
  return (
    <span className="share-bar" aria-hidden="true">
      <span className={`kind-${kind}`} style={{ marginInlineStart: `${from * 100}%`, width: `${part * 100}%` }} />
    </span>
  );
}
