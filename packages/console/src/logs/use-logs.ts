import type { Job } from "@spanloom/protocol";
import { useEffect, useState } from "react";
import { backoffMs } from "../rpc/backoff.ts";
import { query, tailQuery } from "../rpc/query.ts";
import { browserSchedule } from "../rpc/use-poll.ts";
import { token } from "../state/settings.ts";
import { useValue } from "../state/value-store.ts";
import { isEnded } from "../text/job-states.ts";
import { LogLines } from "./log-lines.ts";
import { formatLogsView, type LogsView, logBatches } from "./log-question.ts";

/** Records that are kept: a list of more is no longer read but searched. */
export const MOST_LINES = 100_000;

/** The records of a view as far as they have come. */
export interface LogsState {
  lines: LogLines;
  /** All has come that there is: nothing more is waited for. */
  complete: boolean;
  /** Why they could not be had. */
  error: unknown;
  /** Why nothing comes just now; it is tried again. */
  interrupted: unknown;
}

/** How long records wait to be drawn together. */
const DRAW_MS = 100;

/** The log records of a job that a view asks for; live, those that come are added until the job has ended. */
export function useLogs(job: Job, view: LogsView): LogsState & { refresh: () => void } {
  const credentials = useValue(token);
  const [round, setRound] = useState(0);
  // What was followed needs no other question when the job ends: the tail ends by itself with all there is.
  const [live, setLive] = useState(!isEnded(job.state));
  if (!live && !isEnded(job.state)) setLive(true);
  const { id: jobId, retriedAt } = job;
  const key = `${jobId} ${live} ${retriedAt?.seconds} ${round} ${credentials} ${formatLogsView(view)}`;
  const [state, setState] = useState<LogsState & { key: string }>(() => ({ key, ...nothing() }));
  // biome-ignore lint/correctness/useExhaustiveDependencies: the key is all that the question is made of.
  useEffect(() => {
    const ended = new AbortController();
    const lines = new LogLines(MOST_LINES);
    const tell = (news: Partial<LogsState>) => setState((before) => changed(before, { key, lines }, news));
    void follow({ jobId, view, live, lines, tell, signal: ended.signal });
    return () => ended.abort();
  }, [key]);
  const mine = state.key === key ? state : { ...nothing(), key };
  return { ...mine, refresh: () => setRound(round + 1) };
}

function nothing(): LogsState {
  return { lines: new LogLines(0), complete: false, error: undefined, interrupted: undefined };
}

function changed<State extends LogsState & { key: string }>(
  before: State,
  { key, lines }: { key: string; lines: LogLines },
  news: Partial<LogsState>,
): LogsState & { key: string } {
  const same = before.key === key ? before : { ...nothing(), key };
  return { ...same, lines, error: undefined, interrupted: undefined, ...news };
}

interface Following {
  jobId: string;
  view: LogsView;
  live: boolean;
  lines: LogLines;
  tell: (news: Partial<LogsState>) => void;
  signal: AbortSignal;
}

/** Reads until all has come. Never rejects: what goes wrong is told, and tried again while nothing has come. */
async function follow({ jobId, view, live, lines, tell, signal }: Following): Promise<void> {
  let cancel: (() => void) | undefined;
  const now = (news: Partial<LogsState>) => {
    cancel?.();
    cancel = undefined;
    if (!signal.aborted) tell(news);
  };
  const onInterrupted = (interrupted: unknown) => now({ interrupted });
  for (let failures = 0; !signal.aborted; ) {
    try {
      const client = live ? tailQuery : query;
      const source = { client, jobId, view, live, most: MOST_LINES, signal, onInterrupted };
      for await (const batch of logBatches(source)) {
        lines.put(batch);
        cancel ??= browserSchedule(() => now({}), DRAW_MS);
      }
      now({ complete: true });
      return;
    } catch (error) {
      now({ error });
      if (signal.aborted || lines.count > 0) return;
      await new Promise<void>((resolve) => {
        browserSchedule(resolve, backoffMs(++failures, Math.random));
      });
    }
  }
}
