import type { SpanConditions } from "@spanloom/query";
import { useEffect, useMemo, useRef, useState } from "react";
import { useLocation, useSearch } from "wouter";
import { connection, onBack } from "../../rpc/connection.ts";
import { query } from "../../rpc/query.ts";
import { serverNowMs } from "../../rpc/server-clock.ts";
import { type Asking, askAllTime } from "./ask-explore.ts";
import { conditionsOf } from "./explore-conditions.ts";
import { conditionsKey, type ExploreView, formatExploreView, parseExploreView } from "./explore-view.ts";
import { questions } from "./questions.ts";
import { bucketsOf, stepOf, type TimeSpan, timeSpanOf } from "./time-span.ts";
import { type Answer, useAnswer } from "./use-answer.ts";

/** What the parts of the page share. */
export interface Explore {
  view: ExploreView;
  /** Shows something else; the browser's way back leads to what was shown before. */
  show: (change: Partial<ExploreView>) => void;
  /** Asks everything again, up to now. */
  refresh: () => void;
  /** Tells one question from another: same conditions, same time, same refresh. */
  key: string;
  /** The time that is shown; undefined until it is known. */
  time: TimeSpan | undefined;
  /** Starts of the buckets of time, and their width. */
  starts: readonly number[];
  stepMs: number;
  conditions: SpanConditions;
  problems: readonly string[];
  /** Looks for the first span when all of time is asked for. */
  finding: Answer<TimeSpan | null>;
  asking: (signal: AbortSignal) => Asking;
}

/** The view of the URL, its time by now, and how to ask about it. */
export function useExplore(): Explore {
  const [, navigate] = useLocation();
  const view = parseExploreView(useSearch());
  const [round, setRound] = useState(0);
  useRefresh(view.every, () => setRound((before) => before + 1));
  const key = `${round} ${conditionsKey(view)}`;
  const nowMs = useStable(key, serverNowMs);
  const timeless = conditionsOf(view, undefined);
  const { period, from, to } = view;
  const named = useMemo(() => timeSpanOf({ period, from, to }, nowMs), [period, from, to, nowMs]);
  const finding = useAnswer(named ? undefined : key, async (signal) => {
    const found = await askAllTime({ client: query, conditions: timeless.conditions, signal });
    return found ?? null;
  });
  const time = named ?? finding.data ?? undefined;
  const { conditions, problems } = conditionsOf(view, time);
  const stepMs = time ? stepOf(view, time) : 1_000;
  const starts = useMemo(() => (time ? bucketsOf(time, stepMs) : []), [time, stepMs]);
  return {
    view,
    show: (change) => {
      const text = formatExploreView({ ...view, ...change });
      navigate(text === "" ? "/explore" : `/explore?${text}`);
    },
    refresh: () => setRound(round + 1),
    key,
    time,
    starts,
    stepMs,
    conditions,
    problems,
    finding,
    asking: (signal) => ({ client: query, conditions, signal }),
  };
}

/** How often a page may ask by itself. */
export const refreshes = [
  { name: "10s", ms: 10_000 },
  { name: "1m", ms: 60_000 },
];

/** Asks anew each time the server is back, and at an interval if there is one, while the page is looked at. */
function useRefresh(every: string, refresh: () => void): void {
  const latest = useRef(refresh);
  latest.current = refresh;
  useEffect(() => onBack(connection, () => latest.current()), []);
  useEffect(() => {
    const ms = refreshes.find(({ name }) => name === every)?.ms;
    if (ms === undefined) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible" && questions.mayRefresh) latest.current();
    }, ms);
    return () => clearInterval(timer);
  }, [every]);
}

/** What was made for a key, the same as long as the key is. */
function useStable<T>(key: string, make: () => T): T {
  const [kept, setKept] = useState(() => ({ key, value: make() }));
  if (kept.key === key) return kept.value;
  const made = { key, value: make() };
  setKept(made);
  return made.value;
}
