import { QueryClient } from "@spanloom/query";
import { readPath } from "../critical-path/read-path.ts";
import type { WaterfallRequest } from "./waterfall-messages.ts";
import { WaterfallSession } from "./waterfall-session.ts";

/** What this needs of the scope of a worker, whose types exclude those of a page. */
interface Scope {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  onmessage: ((event: { data: WaterfallRequest }) => void) | null;
}

const scope = globalThis as unknown as Scope;

const session = new WaterfallSession({
  client: ({ url, token }) => new QueryClient(token === "" ? { url } : { url, token }),
  readPath,
  tell: (news, transfer = []) => scope.postMessage(news, transfer),
  nowMs: () => Date.now(),
  random: () => Math.random(),
  schedule: (callback, delayMs) => setTimeout(callback, delayMs),
});

scope.onmessage = ({ data }) => void session.handle(data);
