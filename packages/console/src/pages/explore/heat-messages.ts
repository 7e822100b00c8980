import type { SpanConditions } from "@spanloom/query";
import type { HeatCounts } from "../../charts/heat-grid.ts";

/** What the page asks of the worker that counts a heat map. */
export interface HeatRequest {
  url: string;
  token: string;
  conditions: SpanConditions;
  /** Start of the first bucket, epoch milliseconds. */
  firstMs: number;
  stepMs: number;
  columns: number;
}

/** What the worker tells: now and then as it counts, and when it is done. */
export type HeatNews =
  | { kind: "counted"; heat: HeatCounts; spans: number; done: boolean }
  | { kind: "failed"; message: string };
