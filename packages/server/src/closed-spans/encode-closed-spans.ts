import { toBinary } from "@bufbuild/protobuf";
import { type ExportTraceServiceRequest, ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { tableFromIPC } from "apache-arrow";
import { cellsOf } from "../forward/cells.ts";
import { resourceReader, type SpanIds, scopeReader, spanReader } from "../forward/otlp-batch.ts";
import type { RowBuilder, SpanColumns } from "../telemetry/columns/span-columns.ts";

/**
 * Rows of ended lifecycle spans as the bytes of an OTLP export request.
 *
 * They are the rows that the store gets, read as exporters of the server are given them: so both tell the same.
 */
export function encodeClosedSpans(rows: RowBuilder<SpanColumns>): Uint8Array {
  const [batch] = tableFromIPC(Buffer.concat(rows.finish())).batches;
  if (!batch) return new Uint8Array();
  const cells = cellsOf(batch);
  const [trace, span, parent] = [
    cells.bytes("trace_id", 16),
    cells.bytes("span_id", 8),
    cells.bytes("parent_span_id", 8),
  ];
  const ids: SpanIds = { trace, span, parent: (row) => orNone(parent(row)) };
  const read = spanReader(cells, ids);
  const { resource, schemaUrl } = resourceReader(cells)(0);
  const { scope, schemaUrl: scopeUrl } = scopeReader(cells)(0);
  const request: ExportTraceServiceRequest = {
    $typeName: "opentelemetry.proto.collector.trace.v1.ExportTraceServiceRequest",
    resourceSpans: [
      {
        $typeName: "opentelemetry.proto.trace.v1.ResourceSpans",
        resource,
        schemaUrl,
        scopeSpans: [
          {
            $typeName: "opentelemetry.proto.trace.v1.ScopeSpans",
            scope,
            schemaUrl: scopeUrl,
            spans: Array.from({ length: batch.numRows }, (_, row) => read(row)),
          },
        ],
      },
    ],
  };
  return toBinary(ExportTraceServiceRequestSchema, request);
}

const none = new Uint8Array();

/** The store has zeros where a span has no parent, OTLP has nothing. */
function orNone(id: Uint8Array): Uint8Array {
  return id.every((byte) => byte === 0) ? none : id;
}
