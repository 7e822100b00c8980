// What every Spanloom package and every foreign client shares: messages, services, errors, ids, names.

// Ids, trace context, names, limits, time.
export { attributeNames, type Outcome, outcomes, type SpanTypeName, spanTypes } from "./attributes.ts";
// Errors.
export {
  type ErrorEntry,
  type ErrorFacts,
  errorCatalogue,
  fromConnectError,
  type Reason,
  SpanloomError,
  toConnectError,
  toErrorDetail,
} from "./errors.ts";
// Messages and services, generated from proto/.
export * from "./gen/spanloom/v1/error_pb.ts";
export * from "./gen/spanloom/v1/event_service_pb.ts";
export * from "./gen/spanloom/v1/firing_pb.ts";
export * from "./gen/spanloom/v1/job_service_pb.ts";
export * from "./gen/spanloom/v1/query_service_pb.ts";
export * from "./gen/spanloom/v1/runner_service_pb.ts";
export * from "./gen/spanloom/v1/task_pb.ts";
export * from "./gen/spanloom/v1/task_service_pb.ts";
export * from "./gen/spanloom/v1/trigger_pb.ts";
export * from "./gen/spanloom/v1/trigger_service_pb.ts";
export { bytesToHex, hexToBytes } from "./hex.ts";
export { attemptSpanId, firingSpan, IdGenerator, isUuid, spanIdOf, traceIdOfJob } from "./ids.ts";
export { defaultLimits, type Limits } from "./limits.ts";
export { type NestedValueMaker, readNestedValue } from "./nested-value.ts";
export { durationFromMs, msFromDuration, timestampFromUs, usFromTimestamp } from "./time.ts";
export {
  type AttemptOrigin,
  boundedBaggage,
  boundedTracestate,
  formatTraceparent,
  originOf,
  parseTraceparent,
  type SpanContextIds,
  withOrigin,
} from "./trace-context.ts";
