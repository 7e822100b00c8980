import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { LeaseTasksRequest } from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema, type Span } from "@spanloom/protocol/otlp";

/** Changes the spans of a request. */
export function changeSpans({ telemetry }: LeaseTasksRequest, change: (span: Span) => void): void {
  if (!telemetry) return;
  telemetry.traces = telemetry.traces.map((bytes) => {
    const traces = fromBinary(ExportTraceServiceRequestSchema, bytes);
    for (const { scopeSpans } of traces.resourceSpans)
      for (const { spans } of scopeSpans) for (const span of spans) change(span);
    return toBinary(ExportTraceServiceRequestSchema, traces);
  });
}

/** Leaves out attributes of spans. */
export function changeAttributes(request: LeaseTasksRequest, keeps: (key: string) => boolean): void {
  changeSpans(request, (span) => {
    span.attributes = span.attributes.filter(({ key }) => keeps(key));
  });
}
