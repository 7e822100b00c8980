import { useEffect, useRef, useState } from "react";
import { connection } from "../../rpc/connection.ts";
import { token } from "../../state/settings.ts";
import { useValue } from "../../state/value-store.ts";
import { questions } from "./questions.ts";

/** An answer that was asked for. */
export interface Answer<T> {
  /** The last there was, of the question before while a new one is asked. */
  data: T | undefined;
  /** Why the last question was not answered. */
  error: unknown;
  /** Whether it is being asked. */
  loading: boolean;
}

/** Asks once for each key; another key ends what is being asked. Without a key nothing is asked, and nothing known. */
export function useAnswer<T>(key: string | undefined, load: (signal: AbortSignal) => Promise<T>): Answer<T> {
  const credentials = useValue(token);
  const [state, setState] = useState<Answer<T>>({ data: undefined, error: undefined, loading: key !== undefined });
  const latest = useRef(load);
  latest.current = load;
  // biome-ignore lint/correctness/useExhaustiveDependencies: another token asks anew.
  useEffect(() => {
    if (key === undefined) {
      setState({ data: undefined, error: undefined, loading: false });
      return;
    }
    const left = new AbortController();
    const end = questions.begin();
    setState((before) => ({ data: before.data, error: undefined, loading: true }));
    const answered = latest.current(left.signal).then(
      (data) => {
        if (!left.signal.aborted) setState({ data, error: undefined, loading: false });
      },
      (error: unknown) => {
        if (!left.signal.aborted) setState((before) => failed(before, error, connection.get() === "offline"));
      },
    );
    void answered.finally(end);
    return () => {
      end();
      left.abort();
    };
  }, [key, credentials]);
  return state;
}

/** What is known after a question failed: with the server out of reach, which the page says above, what was known. */
function failed<T>({ data }: Answer<T>, error: unknown, away: boolean): Answer<T> {
  const kept = away ? data : undefined;
  return { data: kept, error: kept === undefined ? error : undefined, loading: false };
}
