import type { SpanContext } from "@opentelemetry/api";
import type { InstrumentationScope } from "@opentelemetry/core";
import type { ReadableSpan } from "@opentelemetry/sdk-trace-base";

/** What spans of the OpenTelemetry SDK 1.x call otherwise; an application's own provider may be one of it. */
interface EarlierSpan {
  readonly instrumentationLibrary?: InstrumentationScope;
  readonly parentSpanId?: string;
}

/** The scope of a span, whichever SDK made it. */
export function scopeOf(span: ReadableSpan): InstrumentationScope {
  return span.instrumentationScope ?? (span as EarlierSpan).instrumentationLibrary ?? UNKNOWN_SCOPE;
}

const UNKNOWN_SCOPE: InstrumentationScope = { name: "" };

/** The parent of a span, whichever SDK made it; 1.x does not say whether it is remote. */
export function parentOf(span: ReadableSpan): Pick<SpanContext, "spanId" | "isRemote"> | undefined {
  if (span.parentSpanContext) return span.parentSpanContext;
  const spanId = (span as EarlierSpan).parentSpanId;
  return spanId ? { spanId } : undefined;
}
