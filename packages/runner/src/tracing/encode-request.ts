import type { Attributes } from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import { writeAttributes } from "./encode-attributes.ts";
import { ProtoWriter } from "./proto-writer.ts";
import type { RecordBlock } from "./record-block.ts";

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
  writer.string(1, String(scope.name));
  writer.string(2, String(scope.version ?? ""));
  writer.end(mark);
  writer.string(3, String(scope.schemaUrl ?? ""));
  return writer.take();
}

/**
 * Encodes spans as one ExportTraceServiceRequest.
 *
 * Each resource and scope stands once, however many attempts the spans come from.
 */
export function encodeSpans(blocks: readonly RecordBlock[]): Uint8Array {
  const byResource = new Map<Uint8Array, Map<Uint8Array, RecordBlock[]>>();
  for (const block of blocks) {
    const { resource, scope } = block.kind.origin;
    const scopes = byResource.get(resource) ?? new Map<Uint8Array, RecordBlock[]>();
    if (scopes.size === 0) byResource.set(resource, scopes);
    const list = scopes.get(scope);
    if (list) list.push(block);
    else scopes.set(scope, [block]);
  }
  return encodeGroups(byResource);
}

/**
 * Encodes log records as one ExportLogsServiceRequest, in their order: of one time the server gives those first that come
 * first.
 *
 * A resource or scope stands as often as the records come back to it.
 */
export function encodeLogs(blocks: readonly RecordBlock[]): Uint8Array {
  const groups: [Uint8Array, [Uint8Array, RecordBlock[]][]][] = [];
  for (const block of blocks) {
    const { resource, scope } = block.kind.origin;
    const group = groups.at(-1);
    if (group?.[0] !== resource) {
      groups.push([resource, [[scope, [block]]]]);
      continue;
    }
    const scopes = group[1];
    const last = scopes.at(-1);
    if (last?.[0] === scope) last[1].push(block);
    else scopes.push([scope, [block]]);
  }
  return encodeGroups(groups);
}

/** Blocks by resource and scope: both requests have the same shape and numbers. */
function encodeGroups(groups: Iterable<readonly [Uint8Array, Iterable<readonly [Uint8Array, RecordBlock[]]>]>) {
  for (const [resource, scopes] of groups) {
    const group = writer.begin(1);
    writer.raw(resource);
    for (const [scope, list] of scopes) {
      const scoped = writer.begin(2);
      writer.raw(scope);
      for (const block of list) block.writeTo(writer);
      writer.end(scoped);
    }
    writer.end(group);
  }
  return writer.take();
}
