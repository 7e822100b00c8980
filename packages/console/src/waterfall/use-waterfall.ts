import { useCallback, useEffect, useRef, useState } from "react";
import { token } from "../state/settings.ts";
import type { SpanDetails, WaterfallDrawing, WaterfallNews, WaterfallRequest } from "./waterfall-messages.ts";

/** What the worker has told so far. */
export interface WaterfallState {
  drawing?: WaterfallDrawing;
  details?: SpanDetails;
  found?: Int32Array;
  revealed?: { line: number };
  complete: boolean;
  problem?: string;
}

/** The waterfall of a job, laid out by a worker of its own, and how to ask it. */
export function useWaterfall(jobId: string, live: boolean): [WaterfallState, (request: WaterfallRequest) => void] {
  const worker = useRef<Worker>(null);
  const [state, setState] = useState<WaterfallState>({ complete: false });
  // A job that ends while it is followed goes on being followed: the tail ends by itself with all there is.
  const [follows] = useState(live);
  useEffect(() => {
    const mine = new Worker(new URL("./waterfall-worker.ts", import.meta.url), { type: "module" });
    worker.current = mine;
    setState({ complete: false });
    mine.onmessage = ({ data }: MessageEvent<WaterfallNews>) => setState((before) => withNews(before, data));
    mine.onerror = ({ message }) => setState((before) => ({ ...before, problem: message }));
    const opening = { jobId, url: location.origin, token: token.get(), live: follows };
    mine.postMessage({ kind: "open", ...opening } satisfies WaterfallRequest);
    return () => mine.terminate();
  }, [jobId, follows]);
  const ask = useCallback((request: WaterfallRequest) => worker.current?.postMessage(request), []);
  return [state, ask];
}

function withNews(before: WaterfallState, news: WaterfallNews): WaterfallState {
  if (news.kind === "drawing") {
    const { problem: _past, ...rest } = before;
    return { ...rest, drawing: news.drawing };
  }
  if (news.kind === "complete") return { ...before, complete: true };
  if (news.kind === "found") return { ...before, found: news.positions };
  if (news.kind === "revealed") return { ...before, revealed: { line: news.line } };
  if (news.kind === "details") return { ...before, details: news.details };
  return { ...before, problem: news.message };
}
