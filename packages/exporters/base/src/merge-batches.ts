import { create } from "@bufbuild/protobuf";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  type ResourceLogs,
  ResourceLogsSchema,
  type ResourceSpans,
  ResourceSpansSchema,
} from "@spanloom/protocol/otlp";
import type { TelemetryBatch } from "./exporter.ts";

/**
 * Joins batches into one, in order. Neighbours that share the same resource object are sent with it once.
 *
 * The batches stay as they are; the result shares their spans and records.
 */
export function mergeBatches(batches: readonly TelemetryBatch[]): TelemetryBatch {
  if (batches.length === 1) return batches[0]!;
  const resourceSpans = neighbours(batches.flatMap(({ traces }) => traces?.resourceSpans ?? [])).map(joinSpans);
  const resourceLogs = neighbours(batches.flatMap(({ logs }) => logs?.resourceLogs ?? [])).map(joinLogs);
  return {
    ...(resourceSpans.length > 0 && { traces: create(ExportTraceServiceRequestSchema, { resourceSpans }) }),
    ...(resourceLogs.length > 0 && { logs: create(ExportLogsServiceRequestSchema, { resourceLogs }) }),
  };
}

type Neighbours<Group> = [Group, ...Group[]];

function neighbours<Group extends ResourceSpans | ResourceLogs>(groups: readonly Group[]): Neighbours<Group>[] {
  const joined: Neighbours<Group>[] = [];
  for (const group of groups) {
    const last = joined.at(-1);
    if (last && group.resource && last[0].resource === group.resource && last[0].schemaUrl === group.schemaUrl)
      last.push(group);
    else joined.push([group]);
  }
  return joined;
}

function joinSpans(groups: Neighbours<ResourceSpans>): ResourceSpans {
  if (groups.length === 1) return groups[0];
  return create(ResourceSpansSchema, { ...groups[0], scopeSpans: groups.flatMap(({ scopeSpans }) => scopeSpans) });
}

function joinLogs(groups: Neighbours<ResourceLogs>): ResourceLogs {
  if (groups.length === 1) return groups[0];
  return create(ResourceLogsSchema, { ...groups[0], scopeLogs: groups.flatMap(({ scopeLogs }) => scopeLogs) });
}
