import { useEffect } from "react";
import { useValue, ValueStore } from "./value-store.ts";

const now = new ValueStore(Date.now());
let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Time of day in milliseconds, new each second, from one timer for the whole page. */
export function useNow(): number {
  useEffect(() => {
    watchers++;
    timer ??= setInterval(() => now.set(Date.now()), 1_000);
    return () => {
      watchers--;
      if (watchers > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return useValue(now);
}
