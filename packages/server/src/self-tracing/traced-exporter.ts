import type { Exporter, ExportResult, TelemetryBatch } from "@spanloom/exporter";
import type { NamedExporter } from "../forward/load-exporters.ts";
import { SELF_TRACING_SCOPE } from "./own-telemetry.ts";
import type { SelfTracer } from "./self-tracer.ts";

/** An exporter whose batches make spans, but for those that hold spans of self-tracing. */
export function tracedExporter(named: NamedExporter, tracer: SelfTracer): NamedExporter {
  const { name, exporter } = named;
  const traced: Exporter = {
    name: exporter.name,
    ...(exporter.destination !== undefined && { destination: exporter.destination }),
    ...(exporter.shape && { shape: exporter.shape }),
    export: (batch) =>
      holdsOwnSpans(batch) ? exporter.export(batch) : exportTraced(batch, { name, exporter, tracer }),
    shutdown: () => exporter.shutdown(),
  };
  return { ...named, exporter: traced };
}

function holdsOwnSpans({ traces }: TelemetryBatch): boolean {
  return (
    traces?.resourceSpans.some(({ scopeSpans }) =>
      scopeSpans.some(({ scope }) => scope?.name === SELF_TRACING_SCOPE),
    ) ?? false
  );
}

async function exportTraced(
  batch: TelemetryBatch,
  { name, exporter, tracer }: NamedExporter & { tracer: SelfTracer },
): Promise<ExportResult> {
  const span = tracer.own("forward.export", { "spanloom.exporter.name": name, ...sizeOf(batch) });
  try {
    const result = await tracer.run(span, () => exporter.export(batch));
    if (result.outcome !== "exported") span.fail(new Error(result.message));
    span.end({ "spanloom.export.outcome": result.outcome });
    return result;
  } catch (error) {
    span.fail(error);
    span.end({ "spanloom.export.outcome": "failed" });
    throw error;
  }
}

function sizeOf({ traces, logs }: TelemetryBatch) {
  const spans = (traces?.resourceSpans ?? []).flatMap((each) => each.scopeSpans.map((scope) => scope.spans.length));
  const records = (logs?.resourceLogs ?? []).flatMap((each) => each.scopeLogs.map((scope) => scope.logRecords.length));
  return { "spanloom.export.spans": sum(spans), "spanloom.export.logs": sum(records) };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, each) => all + each, 0);
}
