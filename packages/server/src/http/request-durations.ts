import type { Distribution } from "@spanloom/metrics";
import type { HttpResponse } from "./http-response.ts";

/** Paths that have series of their own; all others are one. */
const routes: ReadonlySet<string> = new Set([
  "/",
  "/healthz",
  "/readyz",
  "/metrics",
  "/v1/traces",
  "/v1/logs",
  "/hooks/{name}",
]);

/** Makes the series of one path and one status. */
export type NewRequestSeries = (route: string, status: string) => Distribution;

/** How long requests took that are no RPCs, until their answer had left or nobody was left to get it. */
export class RequestDurations {
  readonly #newSeries: NewRequestSeries;
  readonly #series = new Map<string, Distribution>();

  constructor(newSeries: NewRequestSeries) {
    this.#newSeries = newSeries;
  }

  /** Notes when a request that is being served now has been answered. */
  watch(path: string, response: HttpResponse): void {
    const startedAtMs = performance.now();
    response.once("close", () => {
      const route = routes.has(path) ? path : "";
      const series = this.#of(route, String(response.statusCode));
      series.record((performance.now() - startedAtMs) / 1_000);
    });
  }

  #of(route: string, status: string): Distribution {
    const key = `${status} ${route}`;
    const known = this.#series.get(key);
    if (known) return known;
    const made = this.#newSeries(route, status);
    this.#series.set(key, made);
    return made;
  }
}
