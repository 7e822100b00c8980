import type { QueryClient } from "@spanloom/query";

let loading: Promise<QueryClient> | undefined;

/** Asks for spans by the calls of the page. What reads their columns is large: it is loaded by the first who asks. */
export function loadQuery(): Promise<QueryClient> {
  loading ??= import("./query.ts").then(({ query }) => query);
  // Whoever asks next tries again.
  loading.catch(() => {
    loading = undefined;
  });
  return loading;
}
