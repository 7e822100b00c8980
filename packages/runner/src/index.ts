// For users.
export { type CacheOptions, cacheFromEnvironment } from "./cache/cache-options.ts";
export type { CacheStorage } from "./cache/cache-storage.ts";
export type { S3Credentials } from "./cache/s3-storage.ts";
export type {
  EventError,
  EventTrace,
  JobEndEvent,
  JobStartEvent,
  RunnerHooks,
  TaskEndEvent,
  TaskStartEvent,
} from "./hooks/runner-hooks.ts";
export { loadTasks } from "./load-tasks.ts";
export type { RunnerMetricsOptions } from "./metrics/metrics-options.ts";
export { Runner } from "./runner.ts";
export type { RunnerOptions } from "./runner-options.ts";
export { catchStrayErrors, type StrayErrorOptions } from "./stray-errors.ts";
export { type InstrumentOptions, instrument } from "./tracing/instrument.ts";
export { type AnyIdGenerator, spanloomIdGenerator } from "./tracing/minted-span.ts";
export { type AnySpanProcessor, spanloomSpanProcessor } from "./tracing/span-processor.ts";
