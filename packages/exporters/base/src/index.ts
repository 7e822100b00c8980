// For users.

// For exporters.
export { type BatchSize, batchSize } from "./batch-size.ts";
export { configureExporter, type ExporterOptions } from "./configure.ts";
export {
  choiceOf,
  countOf,
  type Environment,
  httpUrl,
  invalidOption,
  required,
  type Variable,
  variableOf,
} from "./environment.ts";
export { type DropReason, ExportQueue, type ExportQueueOptions, type ExportQueueStats } from "./export-queue.ts";
export { type ExportResult, exported, type RejectedRecords } from "./export-result.ts";
export type { Exporter, TelemetryBatch } from "./exporter.ts";
export { type ExporterModule, importExporter } from "./import-exporter.ts";
export { attributesToJson, enumName, type JsonValue, valueToJson } from "./json-value.ts";
export {
  exporterFields,
  type OptionField,
  type OptionFields,
  type OptionFieldsByName,
  otlpPresetFields,
  otlpSignalFields,
  shapeFields,
} from "./option-fields.ts";
export {
  choiceFrom,
  countFrom,
  type OptionVariable,
  type OptionVariables,
  optionsFromEnv,
  textFrom,
} from "./option-variables.ts";
export type { QueueClock } from "./queue-clock.ts";
export { type FieldPlace, readFields } from "./read-fields.ts";
export { registerExporter, registeredExporters } from "./registry.ts";
export { nextRetryDelayMs, type RetryPolicy } from "./retry-delay.ts";
export { shapeOptionsFromEnv, shapeOptionsOf } from "./shape/shape-env.ts";
export { type ShapeOptions, type TaskFacts, type TaskLookup, workflowAliases } from "./shape/shape-options.ts";
export { type ShapeTelemetry, shapeTelemetry } from "./shape/shape-telemetry.ts";
export { type PartLimits, splitBatch } from "./split-batch.ts";
export { untraced } from "./untraced.ts";
