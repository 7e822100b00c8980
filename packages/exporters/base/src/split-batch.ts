import { create } from "@bufbuild/protobuf";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  type ResourceLogs,
  ResourceLogsSchema,
  type ResourceSpans,
  ResourceSpansSchema,
  ScopeLogsSchema,
  ScopeSpansSchema,
} from "@spanloom/protocol/otlp";
import { type BatchSize, batchSize, logRecordBytes, spanBytes } from "./batch-size.ts";
import type { TelemetryBatch } from "./exporter.ts";

/** Most a part may hold. */
export interface PartLimits {
  /** Spans and log records together. */
  readonly maxRecords: number;
  /** By the estimate of batch-size.ts. One record larger than this is a part of its own. */
  readonly maxBytes: number;
}

/** A batch and what it holds. */
export interface Part {
  readonly batch: TelemetryBatch;
  readonly size: BatchSize;
}

/**
 * Cuts a batch into parts within limits, in order. A batch within them is its own only part, not a copy; parts share
 * spans, records, resources and scopes with the batch.
 */
export function splitBatch(batch: TelemetryBatch, limits: PartLimits): Part[] {
  const size = batchSize(batch);
  if (size.spans + size.logRecords === 0) return [];
  if (size.spans + size.logRecords <= limits.maxRecords && size.bytes <= limits.maxBytes) return [{ batch, size }];
  return [...splitSpans(batch, limits), ...splitLogs(batch, limits)];
}

function* splitSpans({ traces }: TelemetryBatch, limits: PartLimits): Generator<Part> {
  const parts = new PartBuilder<ResourceSpans>(limits);
  for (const from of traces?.resourceSpans ?? []) {
    for (const scope of from.scopeSpans) {
      for (const run of runs(scope.spans, spanBytes, parts)) {
        const scopeSpans = [create(ScopeSpansSchema, { ...scope, spans: run.items })];
        parts.add(create(ResourceSpansSchema, { ...from, scopeSpans }), run);
        if (run.full) yield spansPart(parts);
      }
    }
  }
  if (parts.records > 0) yield spansPart(parts);
}

function* splitLogs({ logs }: TelemetryBatch, limits: PartLimits): Generator<Part> {
  const parts = new PartBuilder<ResourceLogs>(limits);
  for (const from of logs?.resourceLogs ?? []) {
    for (const scope of from.scopeLogs) {
      for (const run of runs(scope.logRecords, logRecordBytes, parts)) {
        const scopeLogs = [create(ScopeLogsSchema, { ...scope, logRecords: run.items })];
        parts.add(create(ResourceLogsSchema, { ...from, scopeLogs }), run);
        if (run.full) yield logsPart(parts);
      }
    }
  }
  if (parts.records > 0) yield logsPart(parts);
}

function spansPart(parts: PartBuilder<ResourceSpans>): Part {
  const { groups, records, bytes } = parts.take();
  const traces = create(ExportTraceServiceRequestSchema, { resourceSpans: groups });
  return { batch: { traces }, size: { spans: records, logRecords: 0, bytes } };
}

function logsPart(parts: PartBuilder<ResourceLogs>): Part {
  const { groups, records, bytes } = parts.take();
  const logs = create(ExportLogsServiceRequestSchema, { resourceLogs: groups });
  return { batch: { logs }, size: { spans: 0, logRecords: records, bytes } };
}

/** Consecutive records of one scope that go into one part. */
interface Run<Item> {
  items: Item[];
  bytes: number;
  /** The part is full after it. */
  full: boolean;
}

function* runs<Item>(
  items: readonly Item[],
  bytesOf: (item: Item) => number,
  room: { readonly limits: PartLimits; readonly records: number; readonly bytes: number },
): Generator<Run<Item>> {
  const { maxRecords, maxBytes } = room.limits;
  let run: Run<Item> = { items: [], bytes: 0, full: false };
  for (const item of items) {
    const bytes = bytesOf(item);
    const before = room.records + run.items.length;
    if (before > 0 && (before + 1 > maxRecords || room.bytes + run.bytes + bytes > maxBytes)) {
      yield { ...run, full: true };
      run = { items: [], bytes: 0, full: false };
    }
    run.items.push(item);
    run.bytes += bytes;
  }
  if (run.items.length > 0) yield run;
}

class PartBuilder<Group> {
  readonly limits: PartLimits;
  #groups: Group[] = [];
  records = 0;
  bytes = 0;

  constructor(limits: PartLimits) {
    this.limits = limits;
  }

  add(group: Group, run: Run<unknown>): void {
    if (run.items.length > 0) this.#groups.push(group);
    this.records += run.items.length;
    this.bytes += run.bytes;
  }

  take(): { groups: Group[]; records: number; bytes: number } {
    const taken = { groups: this.#groups, records: this.records, bytes: this.bytes };
    this.#groups = [];
    this.records = 0;
    this.bytes = 0;
    return taken;
  }
}
