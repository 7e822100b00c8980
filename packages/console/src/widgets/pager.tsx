import { useState } from "react";

/** Where somebody is in a list that is got a page at a time, and the way on and back. */
export interface Pages {
  /** Token of the page that is shown; empty is the first. */
  token: string;
  isFirst: boolean;
  open: (token: string) => void;
  back: () => void;
}

/** Keeps the pages that were gone through; another `key` begins at the first again. */
export function usePages(key: string): Pages {
  const [state, setState] = useState<{ key: string; tokens: readonly string[] }>({ key, tokens: [] });
  const tokens = state.key === key ? state.tokens : [];
  return {
    token: tokens.at(-1) ?? "",
    isFirst: tokens.length === 0,
    open: (token) => setState({ key, tokens: [...tokens, token] }),
    back: () => setState({ key, tokens: tokens.slice(0, -1) }),
  };
}

/** The ways to the page before and after, where there are any. */
export function Pager({ label, pages, next }: { label: string; pages: Pages; next: string }) {
  if (pages.isFirst && next === "") return null;
  return (
    <nav className="pages" aria-label={label}>
      {!pages.isFirst && (
        <button type="button" className="button" onClick={pages.back}>
          ← Back
        </button>
      )}
      {next !== "" && (
        <button type="button" className="button" onClick={() => pages.open(next)}>
          More →
        </button>
      )}
    </nav>
  );
}
