import { readFileSync } from "node:fs";
import { fromBinary, toJson } from "@bufbuild/protobuf";
import {
  createTraceState,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
} from "@opentelemetry/api";
import { resourceFromAttributes } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";
import { SpanSchema } from "@spanloom/protocol/otlp";
import { describe, expect, it } from "vitest";
import { writeSpan } from "./encode-span.ts";
import { ProtoWriter } from "./proto-writer.ts";

type Attributes = ReadableSpan["attributes"];

interface LinkVector {
  traceId: string;
  spanId: string;
  sampled: boolean;
  remote: boolean;
  traceState?: string;
  attributes?: Attributes;
}

interface SpanVector {
  traceId: string;
  spanId: string;
  sampled: boolean;
  traceState?: string;
  parent?: { spanId: string; remote: boolean };
  name: string;
  kind: keyof typeof SpanKind;
  startNs: string;
  endNs: string | null;
  status?: { code: keyof typeof SpanStatusCode; message?: string };
  attributes?: Attributes;
  events?: { name: string; timeNs: string; attributes?: Attributes }[];
  links?: LinkVector[];
}

const file = new URL("../../../../conformance/vectors/otlp.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8"), (_, value) => {
  const text = value?.$float ?? value?.$int;
  return text === undefined ? value : Number(text);
}) as { spans: { name: string; span: SpanVector; otlp: unknown }[] };

function timeOf(ns: string): HrTime {
  return [Number(BigInt(ns) / 1_000_000_000n), Number(BigInt(ns) % 1_000_000_000n)];
}

function contextOf({ traceId, spanId, sampled, traceState }: Omit<LinkVector, "remote">): SpanContext {
  const context = { traceId, spanId, traceFlags: sampled ? 1 : 0 };
  return traceState ? { ...context, traceState: createTraceState(traceState) } : context;
}

function linkOf(link: LinkVector): Link {
  const context = { ...contextOf(link), isRemote: link.remote };
  return link.attributes ? { context, attributes: link.attributes } : { context };
}

/** The span as the SDK would hold it. */
function readable(vector: SpanVector): ReadableSpan {
  const { parent, status, endNs } = vector;
  return {
    name: vector.name,
    kind: SpanKind[vector.kind],
    spanContext: () => contextOf(vector),
    ...(parent && {
      parentSpanContext: { traceId: vector.traceId, spanId: parent.spanId, traceFlags: 1, isRemote: parent.remote },
    }),
    startTime: timeOf(vector.startNs),
    endTime: timeOf(endNs ?? "0"),
    ended: endNs !== null,
    duration: [0, 0],
    status: { ...status, code: SpanStatusCode[status?.code ?? "UNSET"] },
    attributes: vector.attributes ?? {},
    links: (vector.links ?? []).map(linkOf),
    events: (vector.events ?? []).map(({ timeNs, ...event }) => ({ ...event, time: timeOf(timeNs) })),
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
    resource: resourceFromAttributes({}),
    instrumentationScope: { name: "test" },
  };
}

describe("a span as OTLP", () => {
  it.each(vectors.spans)("is what every runner sends: $name", ({ span, otlp }) => {
    const writer = new ProtoWriter(16);
    writeSpan(writer, { span: readable(span) });
    expect(toJson(SpanSchema, fromBinary(SpanSchema, writer.take()))).toEqual(otlp);
  });
});
