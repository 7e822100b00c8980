import { useEffect, useState } from "react";
import type { HeatCounts } from "../../charts/heat-grid.ts";
import { token } from "../../state/settings.ts";
import type { HeatNews, HeatRequest } from "./heat-messages.ts";
import { questions } from "./questions.ts";

/** A heat map as far as it is counted. */
export interface HeatState {
  /** What was counted, and for which question: the one before as long as nothing is known of the new one. */
  counted?: { heat: HeatCounts; question: HeatQuestion };
  spans: number;
  done: boolean;
  problem?: string;
}

const nothing: HeatState = { spans: 0, done: false };

/** What to count; the key tells one question from another. */
export interface HeatQuestion extends Omit<HeatRequest, "url" | "token" | "firstMs" | "columns"> {
  key: string;
  /** Starts of the buckets of time. */
  starts: readonly number[];
}

/** Counts a heat map in a worker, which ends with the question. */
export function useHeat(question: HeatQuestion | undefined): HeatState {
  const [state, setState] = useState<HeatState & { key?: string }>(nothing);
  const key = question?.key;
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key stands for the question.
  useEffect(() => {
    if (!question) return undefined;
    const { conditions, stepMs, starts } = question;
    setState(({ counted }) => ({ ...nothing, key: question.key, ...(counted && { counted }) }));
    const worker = new Worker(new URL("./heat-worker.ts", import.meta.url), { type: "module" });
    const end = questions.begin();
    worker.onmessage = ({ data }: MessageEvent<HeatNews>) => {
      if (data.kind === "failed" || data.done) end();
      setState((before) => ({ ...before, ...stateOf(data, question) }));
    };
    worker.onerror = ({ message }) => {
      end();
      setState((before) => ({ ...before, done: true, problem: message }));
    };
    const place = { firstMs: starts[0] ?? 0, stepMs, columns: starts.length };
    worker.postMessage({ conditions, ...place, url: location.origin, token: token.get() } satisfies HeatRequest);
    return () => {
      end();
      worker.terminate();
    };
  }, [key]);
  return state.key === key ? state : { ...state, spans: 0, done: false };
}

function stateOf(news: HeatNews, question: HeatQuestion): Partial<HeatState> {
  if (news.kind === "failed") return { problem: news.message, done: true };
  return { counted: { heat: news.heat, question }, spans: news.spans, done: news.done };
}
