import { type ReactNode, useEffect, useState } from "react";
import type { SpanSearch } from "./span-search.ts";
import { type Ask, foundBy, type WaterfallState } from "./use-waterfall.ts";
import type { WaterfallDrawing } from "./waterfall-messages.ts";

/** To the next, or to the one before. */
type Step = 1 | -1;

export interface WaterfallBarProps {
  state: WaterfallState;
  ask: Ask;
  /** What is looked for. */
  search: SpanSearch;
  onSearch: (search: SpanSearch) => void;
  children: ReactNode;
}

/** Looks for spans, and goes from one that was found to the next. */
export function WaterfallBar({ state, ask, search, onSearch, children }: WaterfallBarProps) {
  const { text, errors } = search;
  const { drawing, complete } = state;
  const [at, setAt] = useState(-1);
  /** Which way to go as soon as it is known what there is to go to. */
  const [wanted, setWanted] = useState<Step>();
  const asks = text !== "" || errors;
  // A reading begun anew draws for the first time again, and knows nothing of what is looked for.
  const isDrawn = drawing !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: see above.
  useEffect(() => ask({ kind: "search", search: { text, errors } }), [ask, text, errors, isDrawn]);
  const look = (next: SpanSearch) => {
    setAt(-1);
    setWanted(undefined);
    onSearch(next);
  };
  const found = foundBy(state, search);
  useEffect(() => {
    if (wanted === undefined || !found) return;
    // Spans that are still on their way may be what is looked for.
    if (found.length === 0 && !complete) return;
    setWanted(undefined);
    if (found.length === 0) return;
    const next = at === -1 && wanted === -1 ? found.length - 1 : (at + wanted + found.length) % found.length;
    setAt(next);
    ask({ kind: "reveal", target: { position: found[next]! } });
  }, [wanted, found, at, ask, complete]);
  return (
    <form
      className="waterfall-bar"
      onSubmit={(event) => {
        event.preventDefault();
        if (asks) setWanted(1);
      }}
    >
      <input
        type="search"
        id="search"
        aria-label="Find spans"
        placeholder="Find by name or span id"
        value={text}
        onChange={({ target }) => look({ text: target.value, errors })}
      />
      <label className="waterfall-check">
        <input type="checkbox" checked={errors} onChange={({ target }) => look({ text, errors: target.checked })} />
        failed only
      </label>
      <button type="button" className="button" onClick={() => setWanted(-1)} disabled={!asks}>
        Previous
      </button>
      <button type="submit" className="button" disabled={!asks}>
        Next
      </button>
      <span className="quiet" role="status">
        {found && foundText(found.length, at)}
      </span>
      {children}
      <Counts drawing={drawing} />
    </form>
  );
}

function foundText(count: number, at: number): string {
  if (count === 0) return "none found";
  return at === -1
    ? `${count.toLocaleString("en")} found`
    : `${(at + 1).toLocaleString("en")} of ${count.toLocaleString("en")}`;
}

function Counts({ drawing }: { drawing: WaterfallDrawing | undefined }) {
  if (!drawing) return null;
  const { spans, errors, open } = drawing.counts;
  return (
    <span className="quiet waterfall-counts" data-spans={spans}>
      {spans.toLocaleString("en")} {spans === 1 ? "span" : "spans"}
      {errors > 0 && <span className="span-failed">, {errors.toLocaleString("en")} failed</span>}
      {open > 0 && `, ${open.toLocaleString("en")} open`}
    </span>
  );
}
