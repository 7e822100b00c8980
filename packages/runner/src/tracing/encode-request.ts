import type { Attributes } from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import { writeAttributes } from "./encode-attributes.ts";
import { ProtoWriter } from "./proto-writer.ts";

/** What spans or log records of one origin share: their resource and scope, already encoded. */
export interface Origin {
  /** Resource fields: `Resource resource = 1` of ResourceSpans or ResourceLogs. */
  readonly resource: Uint8Array;
  /** Scope fields: `InstrumentationScope scope = 1` of ScopeSpans or ScopeLogs, and `schema_url = 3`. */
  readonly scope: Uint8Array;
}

/** One encoded span or log record: a whole field 2 of ScopeSpans or ScopeLogs. */
export interface Entry {
  readonly origin: Origin;
  readonly bytes: Uint8Array;
}

const writer = new ProtoWriter();

/** Encodes a resource. */
export function encodeResource(attributes: Attributes): Uint8Array {
  const mark = writer.begin(1);
  writeAttributes(writer, 1, attributes);
  writer.end(mark);
  return writer.take();
}

/** Encodes a scope. */
export function encodeScope(scope: InstrumentationScope): Uint8Array {
  const mark = writer.begin(1);
  writer.string(1, scope.name);
  writer.string(2, scope.version ?? "");
  writer.end(mark);
  writer.string(3, scope.schemaUrl ?? "");
  return writer.take();
}

/**
 * Encodes entries as one ExportTraceServiceRequest or ExportLogsServiceRequest: both have the same shape and numbers.
 *
 * Each resource and scope stands once, however many attempts the entries come from.
 */
export function encodeRequest(entries: readonly Entry[]): Uint8Array {
  const byResource = new Map<Uint8Array, Map<Uint8Array, Entry[]>>();
  for (const entry of entries) {
    const scopes = byResource.get(entry.origin.resource) ?? new Map<Uint8Array, Entry[]>();
    if (scopes.size === 0) byResource.set(entry.origin.resource, scopes);
    const list = scopes.get(entry.origin.scope);
    if (list) list.push(entry);
    else scopes.set(entry.origin.scope, [entry]);
  }
  for (const [resource, scopes] of byResource) {
    const group = writer.begin(1);
    writer.raw(resource);
    for (const [scope, list] of scopes) {
      const scoped = writer.begin(2);
      writer.raw(scope);
      for (const entry of list) writer.raw(entry.bytes);
      writer.end(scoped);
    }
    writer.end(group);
  }
  return writer.take();
}
