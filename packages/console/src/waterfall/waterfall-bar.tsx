import { type ReactNode, useEffect, useState } from "react";
import type { SpanSearch } from "./span-search.ts";
import type { Ask, WaterfallState } from "./use-waterfall.ts";
import type { WaterfallDrawing } from "./waterfall-messages.ts";

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
  const { found, drawing } = state;
  const [at, setAt] = useState(-1);
  const asks = text !== "" || errors;
  const has = drawing !== undefined;
  // Once spans have come, when what is looked for changes, and when all have come.
  // biome-ignore lint/correctness/useExhaustiveDependencies: others may be found when all have come.
  useEffect(() => {
    if (has && asks) ask({ kind: "search", search: { text, errors } });
  }, [ask, text, errors, asks, has, state.complete]);
  const look = (next: SpanSearch) => {
    setAt(-1);
    onSearch(next);
  };
  const go = (step: 1 | -1) => {
    if (!asks || !found || found.length === 0) return;
    const next = at === -1 && step === -1 ? found.length - 1 : (at + step + found.length) % found.length;
    setAt(next);
    ask({ kind: "reveal", target: { position: found[next]! } });
  };
  return (
    <form
      className="waterfall-bar"
      onSubmit={(event) => {
        event.preventDefault();
        go(1);
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
      <button type="button" className="button" onClick={() => go(-1)} disabled={!asks || !found?.length}>
        Previous
      </button>
      <button type="submit" className="button" disabled={!asks || !found?.length}>
        Next
      </button>
      <span className="quiet" role="status">
        {asks && found && foundText(found.length, at)}
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
