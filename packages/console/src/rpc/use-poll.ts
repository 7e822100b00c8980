import { useEffect, useRef, useState } from "react";
import { token } from "../state/settings.ts";
import { useValue } from "../state/value-store.ts";
import { connection, onBack } from "./connection.ts";
import { Poller, type Schedule } from "./poller.ts";

/** Something that is kept up to date, as far as it is known. */
export interface Live<T> {
  /** The last that was got for this key; undefined before the first. */
  data: T | undefined;
  /** Why the last question failed; undefined after one that did not. */
  error: unknown;
  /** Asks at once. */
  refresh: () => void;
}

/** What `setTimeout` does, with the way back. */
export const browserSchedule: Schedule = (callback, delayMs) => {
  const timer = setTimeout(callback, delayMs);
  return () => clearTimeout(timer);
};

/**
 * Keeps something up to date by asking at an interval, while the page is looked at.
 *
 * `key` tells one question from another: when it changes, what was got for another key is forgotten. While it is not
 * `ready` nothing is asked: for what matters less than something that is asked for first.
 */
export function usePoll<T>(
  key: string,
  everyMs: number,
  load: (signal: AbortSignal) => Promise<T>,
  ready = true,
): Live<T> {
  const credentials = useValue(token);
  const whole = `${credentials} ${key}`;
  const [state, setState] = useState<{ key: string; data?: T; error?: unknown }>({ key: whole });
  const latest = useRef(load);
  latest.current = load;
  const poller = useRef<Poller<T>>(undefined);
  useEffect(() => {
    if (!ready) return;
    const made = new Poller<T>({
      load: (signal) => latest.current(signal),
      everyMs,
      onValue: (data) => setState({ key: whole, data }),
      onError: (error) => setState((before) => ({ ...(before.key === whole && before), key: whole, error })),
      schedule: browserSchedule,
      random: Math.random,
      nowMs: () => performance.now(),
    });
    poller.current = made;
    const look = () => (document.visibilityState === "visible" ? made.resume() : made.pause());
    const hurry = () => made.hurry();
    document.addEventListener("visibilitychange", look);
    addEventListener("online", hurry);
    const leave = onBack(connection, hurry);
    made.start();
    return () => {
      document.removeEventListener("visibilitychange", look);
      removeEventListener("online", hurry);
      leave();
      made.stop();
    };
  }, [whole, everyMs, ready]);
  const mine = state.key === whole ? state : undefined;
  return { data: mine?.data, error: mine?.error, refresh: () => poller.current?.refresh() };
}
