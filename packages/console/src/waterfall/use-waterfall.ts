import { useCallback, useEffect, useRef, useState } from "react";
import { serverNowMs } from "../rpc/server-clock.ts";
import { token } from "../state/settings.ts";
import { showToast } from "../state/toasts.ts";
import { useValue } from "../state/value-store.ts";
import type { SpanSearch } from "./span-search.ts";
import { takeWorker } from "./spare-worker.ts";
import type { SpanDetails, WaterfallDrawing, WaterfallNews, WaterfallRequest } from "./waterfall-messages.ts";

/** What the worker has told so far. */
export interface WaterfallState {
  drawing?: WaterfallDrawing;
  /** Of the row that was asked for last; without `span` when it is stored no more. */
  details?: { row: number; span: SpanDetails | undefined };
  found?: { search: SpanSearch; positions: Int32Array };
  revealed?: { line: number };
  complete: boolean;
  /** Why nothing new comes at the moment. */
  interrupted?: string;
  failure?: { message: string; reason: string };
}

/** Asks the worker. */
export type Ask = (request: WaterfallRequest) => void;

/** Of which job a waterfall is. */
export interface WaterfallJob {
  id: string;
  runs: boolean;
  /** Whether it ended so lately that spans may yet come. */
  endedLately: boolean;
}

/** The waterfall of a job, laid out by a worker of its own, how to ask it, and how to begin anew. */
export function useWaterfall(job: WaterfallJob): { state: WaterfallState; ask: Ask; retry: () => void } {
  const { id: jobId } = job;
  const worker = useRef<Worker>(null);
  const credentials = useValue(token);
  const [round, setRound] = useState(0);
  const [state, setState] = useState<WaterfallState>({ complete: false });
  const { follows, times } = useFollows(job);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another round or run of the job begins anew, its end does not.
  useEffect(() => {
    const mine = takeWorker();
    worker.current = mine;
    setState({ complete: false });
    mine.onmessage = ({ data }: MessageEvent<WaterfallNews>) => {
      if (data.kind === "refused") showToast("bad", data.message);
      else setState((before) => stateAfter(before, data));
    };
    mine.onerror = ({ message }) => setState((before) => ({ ...before, failure: { message, reason: "" } }));
    const opening = {
      jobId,
      url: location.origin,
      token: credentials,
      live: follows,
      late: follows || job.endedLately,
      aheadMs: serverNowMs() - Date.now(),
    };
    mine.postMessage({ kind: "open", ...opening } satisfies WaterfallRequest);
    return () => mine.terminate();
  }, [jobId, follows, times, credentials, round]);
  const ask = useCallback((request: WaterfallRequest) => worker.current?.postMessage(request), []);
  const retry = useCallback(() => setRound((before) => before + 1), []);
  return { state, ask, retry };
}

/**
 * Whether spans are followed, and how often that began: from when the job is seen to run, also past its end, since a tail
 * ends by itself with all there is; and again when the job runs again.
 */
function useFollows({ runs }: WaterfallJob): { follows: boolean; times: number } {
  const [state, setState] = useState({ runs, follows: runs, times: 0 });
  if (runs !== state.runs)
    setState({ runs, follows: state.follows || runs, times: runs ? state.times + 1 : state.times });
  return state;
}

/** What is known after a piece of news. */
export function stateAfter(before: WaterfallState, news: Exclude<WaterfallNews, { kind: "refused" }>): WaterfallState {
  switch (news.kind) {
    case "drawing":
      return { ...before, drawing: news.drawing };
    case "complete":
      return { ...before, complete: true };
    case "found":
      return { ...before, found: { search: news.search, positions: news.positions } };
    case "revealed":
      return { ...before, revealed: { line: news.line } };
    case "details":
      return { ...before, details: { row: news.row, span: news.details } };
    case "interrupted":
      return { ...before, interrupted: news.message };
    case "resumed": {
      const { interrupted: _past, ...rest } = before;
      return rest;
    }
    case "failed":
      return { ...before, failure: { message: news.message, reason: news.reason } };
  }
}

/** What was found by a search; undefined while that is not known, and when nothing is looked for. */
export function foundBy({ found }: WaterfallState, { text, errors }: SpanSearch): Int32Array | undefined {
  if (text === "" && !errors) return undefined;
  return found?.search.text === text && found.search.errors === errors ? found.positions : undefined;
}
