import { type ExportResult, ExportResultCode } from "@opentelemetry/core";
import { ProtobufTraceSerializer } from "@opentelemetry/otlp-transformer";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace-base";
import type { Telemetry } from "../telemetry/telemetry.ts";
import type { SelfTracingTarget } from "./self-tracing-target.ts";

/** OpenTelemetry's exporter for a target; timeout, headers, certificates and the like are what OTEL_EXPORTER_OTLP_* say. */
export async function createSpanExporter(
  target: SelfTracingTarget,
  ingest: Telemetry["ingest"],
): Promise<SpanExporter> {
  if (target.kind === "self") return storeExporter(ingest);
  const url = target.url === undefined ? {} : { url: target.url };
  const { OTLPTraceExporter } = await loadExporter(target.protocol);
  return new OTLPTraceExporter(url);
}

function loadExporter(protocol: "http/protobuf" | "http/json" | "grpc") {
  if (protocol === "grpc") return import("@opentelemetry/exporter-trace-otlp-grpc");
  if (protocol === "http/json") return import("@opentelemetry/exporter-trace-otlp-http");
  return import("@opentelemetry/exporter-trace-otlp-proto");
}

/** Gives spans to the server's own telemetry, as if they had come by OTLP. */
function storeExporter(ingest: Telemetry["ingest"]): SpanExporter {
  return {
    export: (spans, done) => {
      store(spans, ingest).then(done, (error: unknown) =>
        done({ code: ExportResultCode.FAILED, error: error instanceof Error ? error : new Error(String(error)) }),
      );
    },
    shutdown: async () => {},
  };
}

async function store(spans: ReadableSpan[], ingest: Telemetry["ingest"]): Promise<ExportResult> {
  const bytes = ProtobufTraceSerializer.serializeRequest(spans);
  // Copied out of the serializer's larger buffer, which is not the telemetry plane's to free.
  if (bytes) await ingest([{ signal: "traces", bytes: bytes.slice() }]);
  return { code: ExportResultCode.SUCCESS };
}
