import type { Job } from "@spanloom/protocol";
import { useEffect, useState } from "react";
import { token } from "../state/settings.ts";
import { useValue } from "../state/value-store.ts";
import { isEnded } from "../text/job-states.ts";
import type { FlameDrawing, FlameNews, FlameRequest } from "./flame-session.ts";

/** What the worker has told so far. */
export interface FlameState {
  drawing?: FlameDrawing;
  complete: boolean;
  interrupted?: string;
  problem?: string;
}

/** The flame chart of a job, added up by a worker of its own. */
export function useFlame(job: Job): FlameState & { refresh: () => void } {
  const credentials = useValue(token);
  const [round, setRound] = useState(0);
  const [state, setState] = useState<FlameState>({ complete: false });
  // What was followed needs no other question when the job ends: the tail ends by itself with all there is.
  const [live, setLive] = useState(!isEnded(job.state));
  if (!live && !isEnded(job.state)) setLive(true);
  const { id: jobId, retriedAt } = job;
  // biome-ignore lint/correctness/useExhaustiveDependencies: a retry of the job or a refresh begins anew.
  useEffect(() => {
    const worker = new Worker(new URL("./flame-worker.ts", import.meta.url), { type: "module" });
    setState({ complete: false });
    worker.onmessage = ({ data }: MessageEvent<FlameNews>) => setState((before) => withNews(before, data));
    worker.onerror = ({ message }) => setState((before) => ({ ...before, problem: message || "the worker failed" }));
    worker.postMessage({ jobId, url: location.origin, token: credentials, live } satisfies FlameRequest);
    return () => worker.terminate();
  }, [jobId, live, credentials, round, retriedAt?.seconds]);
  return { ...state, refresh: () => setRound(round + 1) };
}

function withNews({ drawing, complete }: FlameState, news: FlameNews): FlameState {
  const before = drawing ? { drawing, complete } : { complete };
  if (news.kind === "drawing") return { drawing: news.drawing, complete };
  if (news.kind === "complete") return { ...before, complete: true };
  return news.kind === "failed" ? { ...before, problem: news.message } : { ...before, interrupted: news.message };
}
