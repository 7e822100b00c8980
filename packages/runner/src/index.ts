// For users.
export { loadTasks } from "./load-tasks.ts";
export { Runner } from "./runner.ts";
export type { RunnerOptions } from "./runner-options.ts";
export { catchStrayErrors, type StrayErrorOptions } from "./stray-errors.ts";
export { spanloomSpanProcessor } from "./tracing/span-processor.ts";
