import { create, fromJson, type JsonValue, toBinary } from "@bufbuild/protobuf";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  type KeyValue,
  KeyValueSchema,
  LogRecordSchema,
  ResourceSchema,
  SpanSchema,
} from "@spanloom/protocol/otlp";
import { isJsonObject, type Json, type JsonObject } from "../cases/template.ts";

/**
 * Serialized traces of a list of spans as case files write them: OTLP's own fields by their names in the schema, ids in
 * hexadecimal, attributes as a map. `{ resource: {...}, spans: [...] }` gives a resource its attributes.
 */
export function encodeTraces(value: Json): Uint8Array {
  const { resource, scope, records } = parts(value, "spans");
  const spans = records.map((span) => fromJson(SpanSchema, otlpFields(span)));
  const scopeSpans = [{ scope: { name: scope }, spans }];
  return toBinary(
    ExportTraceServiceRequestSchema,
    create(ExportTraceServiceRequestSchema, { resourceSpans: [{ resource, scopeSpans }] }),
  );
}

/** Serialized logs of a list of records, written as `encodeTraces` says; a body may be any value. */
export function encodeLogs(value: Json): Uint8Array {
  const { resource, scope, records } = parts(value, "records");
  const logRecords = records.map((record) => fromJson(LogRecordSchema, otlpFields(record)));
  const scopeLogs = [{ scope: { name: scope }, logRecords }];
  return toBinary(
    ExportLogsServiceRequestSchema,
    create(ExportLogsServiceRequestSchema, { resourceLogs: [{ resource, scopeLogs }] }),
  );
}

function parts(value: Json, field: "spans" | "records") {
  const {
    resource = {},
    scope = "conformance",
    [field]: records = [],
  } = isJsonObject(value) ? value : { [field]: value };
  return {
    resource: create(ResourceSchema, { attributes: attributesOf(resource) }),
    scope: String(scope),
    records: (Array.isArray(records) ? records : [records]).filter(isJsonObject),
  };
}

function attributesOf(value: Json): KeyValue[] {
  return attributeList(value).map((attribute) => fromJson(KeyValueSchema, attribute as JsonValue));
}

const idFields: ReadonlySet<string> = new Set(["trace_id", "span_id", "parent_span_id"]);

/** OTLP's JSON of a span or record: ids become base64, attributes lists. */
export function otlpFields(fields: JsonObject): JsonValue {
  const entries = Object.entries(fields).map(([name, value]): [string, Json] => {
    if (idFields.has(name)) return [name, Buffer.from(String(value), "hex").toString("base64")];
    if (name === "attributes") return [name, attributeList(value ?? {})];
    if (name === "body") return [name, anyValue(value ?? null)];
    if ((name === "events" || name === "links") && Array.isArray(value))
      return [name, value.filter(isJsonObject).map((item) => otlpFields(item) as Json)];
    return [name, value ?? null];
  });
  return Object.fromEntries(entries) as JsonValue;
}

function attributeList(value: Json): Json[] {
  return isJsonObject(value)
    ? Object.entries(value).map(([key, item]) => ({ key, value: anyValue(item ?? null) }))
    : [];
}

function anyValue(value: Json): Json {
  if (value === null) return {};
  if (typeof value === "string") return { stringValue: value };
  if (typeof value === "boolean") return { boolValue: value };
  if (typeof value === "number") return Number.isInteger(value) ? { intValue: value } : { doubleValue: value };
  if (Array.isArray(value)) return { arrayValue: { values: value.map(anyValue) } };
  return { kvlistValue: { values: attributeList(value) } };
}
