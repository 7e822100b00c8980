/**
 * A span of OTLP's JSON in one spelling, whoever wrote it: names for enums, sorted attributes, nothing left out.
 *
 * What Jaeger thinks of a span, which it adds as an attribute, is not the span's.
 */
export interface PlainSpan {
  readonly traceId: string;
  readonly parentSpanId: string;
  readonly name: string;
  readonly kind: string;
  readonly traceState: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status: { readonly code: string; readonly message: string };
  readonly attributes: PlainAttributes;
  readonly events: readonly {
    readonly name: string;
    readonly timeUnixNano: string;
    readonly attributes: PlainAttributes;
  }[];
  readonly links: readonly {
    readonly traceId: string;
    readonly spanId: string;
    readonly attributes: PlainAttributes;
  }[];
  readonly scope: string;
  readonly resource: PlainAttributes;
}

/** Values as JSON of OTLP's AnyValue, by key, in the order of keys. */
type PlainAttributes = Readonly<Record<string, string>>;

interface JsonAttribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface JsonSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind?: string | number;
  readonly traceState?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly status?: { readonly code?: string | number; readonly message?: string };
  readonly attributes?: readonly JsonAttribute[];
  readonly events?: readonly { name?: string; timeUnixNano: string; attributes?: readonly JsonAttribute[] }[];
  readonly links?: readonly { traceId: string; spanId: string; attributes?: readonly JsonAttribute[] }[];
}

interface JsonRequest {
  readonly resourceSpans?: readonly {
    readonly resource?: { readonly attributes?: readonly JsonAttribute[] };
    readonly scopeSpans?: readonly {
      readonly scope?: { readonly name?: string };
      readonly spans?: readonly JsonSpan[];
    }[];
  }[];
}

const kinds = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const codes = ["UNSET", "OK", "ERROR"];

/** Spans of export requests in OTLP's JSON, by span id. */
export function plainSpans(requests: readonly unknown[]): Map<string, PlainSpan[]> {
  const spans = new Map<string, PlainSpan[]>();
  for (const { resourceSpans = [] } of requests as readonly JsonRequest[]) {
    for (const { resource, scopeSpans = [] } of resourceSpans) {
      for (const { scope, spans: own = [] } of scopeSpans) {
        for (const span of own) {
          const plain = plainSpan(span, scope?.name ?? "", plainAttributes(resource?.attributes));
          spans.set(span.spanId, [...(spans.get(span.spanId) ?? []), plain]);
        }
      }
    }
  }
  return spans;
}

function plainSpan(span: JsonSpan, scope: string, resource: PlainAttributes): PlainSpan {
  return {
    traceId: span.traceId,
    parentSpanId: span.parentSpanId ?? "",
    name: span.name,
    kind: nameOf(kinds, span.kind),
    traceState: span.traceState ?? "",
    startTimeUnixNano: span.startTimeUnixNano,
    endTimeUnixNano: span.endTimeUnixNano,
    status: { code: nameOf(codes, span.status?.code), message: span.status?.message ?? "" },
    attributes: plainAttributes(span.attributes),
    // Jaeger gives events in the order of their names.
    events: (span.events ?? [])
      .map(({ name = "", timeUnixNano, attributes }) => ({
        name,
        timeUnixNano,
        attributes: plainAttributes(attributes),
      }))
      .sort((a, b) => Number(BigInt(a.timeUnixNano) - BigInt(b.timeUnixNano)) || (a.name < b.name ? -1 : 1)),
    links: (span.links ?? []).map(({ traceId, spanId, attributes }) => ({
      traceId,
      spanId,
      attributes: plainAttributes(attributes),
    })),
    scope,
    resource,
  };
}

/** Enums come as numbers, or as names with the enum's own as prefix. */
function nameOf(names: readonly string[], value: string | number | undefined): string {
  if (typeof value !== "string") return names[value ?? 0] ?? String(value);
  return names.find((name) => value.endsWith(`_${name}`)) ?? value;
}

function plainAttributes(attributes: readonly JsonAttribute[] = []): PlainAttributes {
  const sent = attributes.filter(({ key }) => key !== "@jaeger@warnings");
  const sorted = sent.sort((a, b) => (a.key < b.key ? -1 : 1));
  return Object.fromEntries(sorted.map(({ key, value }) => [key, JSON.stringify(value)]));
}
