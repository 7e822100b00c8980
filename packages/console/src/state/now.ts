import { useEffect } from "react";
import { serverNowMs } from "../rpc/server-clock.ts";
import { useValue, ValueStore } from "./value-store.ts";

const now = new ValueStore(serverNowMs());
let watchers = 0;
let timer: ReturnType<typeof setInterval> | undefined;

/** Time of day in milliseconds by the server's clock, new each second, from one timer for the whole page. */
export function useNow(): number {
  useEffect(() => {
    watchers++;
    timer ??= setInterval(() => now.set(serverNowMs()), 1_000);
    return () => {
      watchers--;
      if (watchers > 0) return;
      clearInterval(timer);
      timer = undefined;
    };
  }, []);
  return useValue(now);
}
