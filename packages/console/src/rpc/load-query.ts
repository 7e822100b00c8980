import type { QueryClient } from "@spanloom/query";
import { transport } from "./clients.ts";

let loading: Promise<QueryClient> | undefined;

/** Asks for spans by the calls of the page. What reads their columns is large: it is loaded by the first who asks. */
export function loadQuery(): Promise<QueryClient> {
  loading ??= import("@spanloom/query").then(({ QueryClient: Queries }) => new Queries({ transport }));
  // Whoever asks next tries again.
  loading.catch(() => {
    loading = undefined;
  });
  return loading;
}
