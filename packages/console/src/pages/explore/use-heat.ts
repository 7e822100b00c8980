import { useEffect, useState } from "react";
import type { HeatCounts } from "../../charts/heat-grid.ts";
import { token } from "../../state/settings.ts";
import type { HeatNews, HeatRequest } from "./heat-messages.ts";

/** A heat map as far as it is counted. */
export interface HeatState {
  heat?: HeatCounts;
  spans: number;
  done: boolean;
  problem?: string;
}

const nothing: HeatState = { spans: 0, done: false };

/** What to count; the key tells one question from another. */
export interface HeatQuestion extends Omit<HeatRequest, "url" | "token"> {
  key: string;
}

/** Counts a heat map in a worker, which ends with the question. */
export function useHeat(question: HeatQuestion | undefined): HeatState {
  const [state, setState] = useState<HeatState & { key?: string }>(nothing);
  const key = question?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the question.
  useEffect(() => {
    if (!question) return;
    const { key: asked, ...request } = question;
    const worker = new Worker(new URL("./heat-worker.ts", import.meta.url), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<HeatNews>) =>
      setState((before) => ({ ...(before.key === asked ? before : nothing), key: asked, ...stateOf(data) }));
    worker.onerror = ({ message }) => setState({ ...nothing, key: asked, problem: message });
    worker.postMessage({ ...request, url: location.origin, token: token.get() } satisfies HeatRequest);
    return () => worker.terminate();
  }, [key]);
  return state.key === key ? state : nothing;
}

function stateOf(news: HeatNews): Partial<HeatState> {
  if (news.kind === "failed") return { problem: news.message, done: true };
  return { heat: news.heat, spans: news.spans, done: news.done };
}
