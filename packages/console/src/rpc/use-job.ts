import type { Job } from "@spanloom/protocol";
import { useEffect, useState } from "react";
import { token } from "../state/settings.ts";
import { useValue } from "../state/value-store.ts";
import { backoffMs } from "./backoff.ts";
import { jobs, unending } from "./clients.ts";
import { connection, onBack } from "./connection.ts";
import { browserSchedule, type Live } from "./use-poll.ts";

/** How long after its end a job is looked at again: somebody may have had it retried. */
const AGAIN_MS = 3_000;

/** A job as it changes; it is watched until it ends, and looked at now and then after. */
export function useJob(jobId: string): Live<Job> {
  const credentials = useValue(token);
  const [state, setState] = useState<{ id: string; data?: Job; error?: unknown }>({ id: jobId });
  const [round, setRound] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another token or a refresh begins anew.
  useEffect(() => {
    const ended = new AbortController();
    void watch(jobId, ended.signal, (news) =>
      setState((before) => ({ ...(before.id === jobId && before), id: jobId, error: undefined, ...news })),
    );
    return () => ended.abort();
  }, [jobId, credentials, round]);
  // A stream whose server went away without a word would be waited on for long.
  useEffect(() => onBack(connection, () => setRound((before) => before + 1)), []);
  const mine = state.id === jobId ? state : undefined;
  return { data: mine?.data, error: mine?.error, refresh: () => setRound((before) => before + 1) };
}

/** Watches until the signal. Never rejects: what goes wrong is told, and tried again later and later. */
async function watch(
  jobId: string,
  signal: AbortSignal,
  tell: (news: { data?: Job; error?: unknown }) => void,
): Promise<void> {
  for (let failures = 0; !signal.aborted; ) {
    try {
      for await (const { job } of jobs.watchJob({ jobId }, { ...unending, signal })) {
        failures = 0;
        if (job && !signal.aborted) tell({ data: job });
      }
      await pause(AGAIN_MS, signal);
    } catch (error) {
      if (signal.aborted) return; // The page has gone on to something else.
      tell({ error });
      await pause(backoffMs(++failures, Math.random), signal);
    }
  }
}

/** Resolves after a time, or with the signal. */
function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const cancel = browserSchedule(resolve, delayMs);
    signal.addEventListener("abort", () => {
      cancel();
      resolve();
    });
  });
}
