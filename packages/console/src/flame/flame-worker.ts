import { QueryClient } from "@spanloom/query";
import { type FlameRequest, runFlame } from "./flame-session.ts";

/** What this needs of the scope of a worker, whose types exclude those of a page. */
interface Scope {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  onmessage: ((event: { data: FlameRequest }) => void) | null;
}

const scope = globalThis as unknown as Scope;

scope.onmessage = ({ data }) =>
  void runFlame(data, {
    client: ({ url, token }) => new QueryClient(token === "" ? { url } : { url, token }),
    tell: (news, transfer = []) => scope.postMessage(news, transfer),
    nowMs: () => Date.now(),
    schedule: (callback, delayMs) => {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
  });
