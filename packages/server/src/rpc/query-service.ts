import { create } from "@bufbuild/protobuf";
import {
  type AggregateSpansRequest,
  AggregateSpansResponseSchema,
  ArrowChunkSchema,
  type CompareJobsRequest,
  CompareJobsResponseSchema,
  type GetCriticalPathRequest,
  GetCriticalPathResponseSchema,
  type QueryLogsRequest,
  QueryLogsResponseSchema,
  QueryService,
  type QuerySpansRequest,
  QuerySpansResponseSchema,
  type TailLogsRequest,
  TailLogsResponseSchema,
  type TailSpansRequest,
  TailSpansResponseSchema,
} from "@spanloom/protocol";
import type { ArrowBatch } from "../telemetry/columnar/span-store.ts";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { CallContext } from "./call-context.ts";
import { type ServiceRoute, serviceRoute } from "./service-route.ts";

/** What QueryService needs. */
export interface QueryServiceOptions {
  telemetry: Pick<
    Telemetry,
    "querySpans" | "queryLogs" | "aggregateSpans" | "compareJobs" | "tailSpans" | "tailLogs" | "getCriticalPath"
  >;
}

/** QueryService over the telemetry plane: batches pass through as they come, never decoded (P5). */
export function queryService({ telemetry }: QueryServiceOptions): ServiceRoute {
  return serviceRoute(QueryService, {
    async *querySpans(request: QuerySpansRequest, { signal }: CallContext) {
      for await (const batch of telemetry.querySpans(request, signal))
        yield create(QuerySpansResponseSchema, { chunk: toChunk(batch) });
    },
    async *queryLogs(request: QueryLogsRequest, { signal }: CallContext) {
      for await (const batch of telemetry.queryLogs(request, signal))
        yield create(QueryLogsResponseSchema, { chunk: toChunk(batch) });
    },
    async *tailSpans(request: TailSpansRequest, { signal }: CallContext) {
      for await (const batch of telemetry.tailSpans(request, signal))
        yield create(TailSpansResponseSchema, { ...ifAny(batch), position: batch.position });
    },
    async *tailLogs(request: TailLogsRequest, { signal }: CallContext) {
      for await (const batch of telemetry.tailLogs(request, signal))
        yield create(TailLogsResponseSchema, { ...ifAny(batch), position: batch.position });
    },
    async *aggregateSpans(request: AggregateSpansRequest, { signal }: CallContext) {
      for await (const batch of telemetry.aggregateSpans(request, signal))
        yield create(AggregateSpansResponseSchema, { chunk: toChunk(batch) });
    },
    async *compareJobs(request: CompareJobsRequest, { signal }: CallContext) {
      for await (const batch of telemetry.compareJobs(request, signal))
        yield create(CompareJobsResponseSchema, { chunk: toChunk(batch) });
    },
    async *getCriticalPath(request: GetCriticalPathRequest, { signal }: CallContext) {
      for await (const batch of telemetry.getCriticalPath(request, signal))
        yield create(GetCriticalPathResponseSchema, { chunk: toChunk(batch) });
    },
  });
}

function toChunk({ ipc, rows }: ArrowBatch) {
  return create(ArrowChunkSchema, { ipc, rows: BigInt(rows) });
}

/** A chunk, unless there is nothing in it, not even a schema. */
function ifAny(batch: ArrowBatch) {
  return batch.ipc.length > 0 ? { chunk: toChunk(batch) } : {};
}
