/**
 * Sizes and counts that every server enforces; defaults, in bytes unless the name says otherwise.
 *
 * Source: design protocol 6.
 */
export const defaultLimits = {
  maxInputBytes: 256 * 1024,
  maxOutputBytes: 256 * 1024,
  maxRequestBytes: 16 * 1024 * 1024,
  /** Payloads of one answer: what does not fit is left for the next call. One entry always fits. */
  maxResponseBytes: 16 * 1024 * 1024,
  maxChildren: 100_000,
  maxGroups: 4_096,
  maxNameBytes: 256,
  maxTags: 64,
  maxTagBytes: 256,
  maxProgressLabels: 100,
  minLeaseMs: 5_000,
  maxLeaseMs: 600_000,
  defaultLeaseMs: 15_000,
  maxLeaseBatch: 1_000,
  maxWaitMs: 30_000,
  maxPageSize: 1_000,
  defaultPageSize: 100,
  maxJobsPerRequest: 1_000,
  maxFailureMessageBytes: 16 * 1024,
  maxFailureStackBytes: 64 * 1024,
  maxInlineDependencyBytes: 1024 * 1024,
  maxEventsPerRequest: 100_000,
  maxEventBytes: 1024 * 1024,
  maxEventMetadata: 64,
  maxEventMetadataBytes: 4_096,
  maxDescriptionBytes: 4_096,
  maxExpressionBytes: 4_096,
  maxFiringsPerBackfill: 10_000,
  maxKeptFirings: 10_000,
  /** A schedule or trigger as it is put, its job included: all that are due together are in memory together. */
  maxDefinitionBytes: 1024 * 1024,
  /** Jobs and events in a row that start each other. */
  maxTriggerDepth: 16,
} as const;

/** Limits by name; a server may be configured with others. */
export type Limits = { readonly [Name in keyof typeof defaultLimits]: number };
