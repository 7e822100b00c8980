// For users.
export { AggregateQuery } from "./aggregate-query.ts";
export type {
  AggregateColumns,
  AggregateInput,
  AggregateOrder,
  ComparisonColumns,
  GroupColumn,
  GroupKeyInput,
  MeasureColumn,
  MeasureName,
} from "./aggregate-schema.ts";
export { ArrowQuery, type ParquetOption, type RunOptions } from "./arrow-query.ts";
export { type ComparisonInput, ComparisonQuery } from "./comparison-query.ts";
export type {
  AttributeCondition,
  AttributeConditions,
  AttributeOperand,
  DurationCondition,
  LogConditions,
  OneOrMany,
  Severity,
  SpanConditions,
  SpanKindName,
  SpanStatusName,
  TextCondition,
  TimeCondition,
  TimePoint,
  TriggerCondition,
  TriggerTypeName,
} from "./conditions.ts";
export {
  type CriticalPathColumns,
  type CriticalPathInput,
  CriticalPathQuery,
  type PathKind,
  type PathSegment,
  pathSegments,
} from "./critical-path.ts";
export { toJsonLines } from "./file/encode-text.ts";
export {
  type FileFormat,
  type FileOptions,
  type FileResult,
  fileFormats,
  type TraceFormat,
} from "./file/file-format.ts";
export { checkTree, type TreeReport } from "./integrity.ts";
export { type LogColumnInput, LogQuery, type LogQueryInput } from "./log-query.ts";
export { QueryClient, type QueryClientOptions } from "./query-client.ts";
export { renderCriticalPath } from "./render/critical-path.ts";
export type { RenderOptions } from "./render/options.ts";
export { renderSummary } from "./render/summary.ts";
export { cellWidth, clip, plainText } from "./render/text-width.ts";
export { renderTree } from "./render/tree.ts";
export { renderWaterfall } from "./render/waterfall.ts";
export type {
  AnyLogColumns,
  AnySpanColumns,
  AttributeColumnInput,
  AttributeMap,
  Category,
  CategoryMap,
  LogColumn,
  LogColumns,
  ProjectedTypes,
  Selected,
  SpanColumn,
  SpanColumns,
  SpanEvent,
  SpanLink,
  TextMap,
} from "./schema.ts";
export type { OrderInput } from "./selection.ts";
export { type SpanColumnInput, SpanQuery, type SpanQueryInput } from "./span-query.ts";
export { type SpanSummary, summarize } from "./summarize.ts";
export { Tail, type TailInput, type TailOptions } from "./tail.ts";
export { textCondition } from "./text-condition.ts";
export { type DataFrame, toDataFrame } from "./to-data-frame.ts";
