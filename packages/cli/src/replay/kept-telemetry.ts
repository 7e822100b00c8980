import { attributesToJson, type Exporter, exported, type JsonValue, valueToJson } from "@spanloom/exporter";
import { bytesToHex } from "@spanloom/protocol";
import type { LogRecord, Span } from "@spanloom/protocol/otlp";

/** The span of a replayed attempt, or one that its code made. */
export interface ReplayedSpan {
  spanId: string;
  /** Of another of them; of the attempt its task's. */
  parentSpanId: string;
  name: string;
  /** RFC 3339, nine digits of a second. */
  startTime: string;
  durationMs: number;
  status: "UNSET" | "OK" | "ERROR";
  statusMessage: string;
  attributes: Record<string, JsonValue>;
}

/** A log record that the code of a replayed task made. */
export interface ReplayedLog {
  /** RFC 3339, nine digits of a second. */
  time: string;
  severity: string;
  body: JsonValue;
  attributes: Record<string, JsonValue>;
}

/** An exporter that keeps what a replayed task emits. */
export interface KeptTelemetry {
  exporter: Exporter;
  /** Spans as a tree is read: each before its children, those by their start. */
  spans(): ReplayedSpan[];
  /** Log records by their time. */
  logs(): ReplayedLog[];
}

/** Keeps what a replayed task emits, to be shown: none of it is stored. */
export function keptTelemetry(): KeptTelemetry {
  const spans: Span[] = [];
  const logs: LogRecord[] = [];
  return {
    exporter: {
      name: "replay",
      async export(batch) {
        for (const { scopeSpans } of batch.traces?.resourceSpans ?? [])
          for (const scope of scopeSpans) spans.push(...scope.spans);
        for (const { scopeLogs } of batch.logs?.resourceLogs ?? [])
          for (const scope of scopeLogs) logs.push(...scope.logRecords);
        return exported;
      },
      async shutdown() {
        // It holds nothing but what is shown afterwards.
      },
    },
    spans: () => outsideIn(spans).map(toSpan),
    logs: () => logs.toSorted((a, b) => compare(a.timeUnixNano, b.timeUnixNano)).map(toLog),
  };
}

const statuses = ["UNSET", "OK", "ERROR"] as const;

function toSpan(span: Span): ReplayedSpan {
  const { startTimeUnixNano: start, endTimeUnixNano: end, status } = span;
  return {
    spanId: bytesToHex(span.spanId),
    parentSpanId: bytesToHex(span.parentSpanId),
    name: span.name,
    startTime: isoTime(start),
    durationMs: Number(end - start) / 1e6,
    status: statuses[status?.code ?? 0] ?? "UNSET",
    statusMessage: status?.message ?? "",
    attributes: ownAttributes(span),
  };
}

function toLog(record: LogRecord): ReplayedLog {
  const { timeUnixNano, severityText, body } = record;
  return {
    time: isoTime(timeUnixNano),
    severity: severityText,
    body: valueToJson(body),
    attributes: ownAttributes(record),
  };
}

/** Without those that Spanloom adds itself: the task is known. */
function ownAttributes({ attributes }: Span | LogRecord): Record<string, JsonValue> {
  return attributesToJson(attributes.filter(({ key }) => !key.startsWith("spanloom.")));
}

function isoTime(ns: bigint): string {
  const rest = String(ns % 1_000_000_000n).padStart(9, "0");
  return new Date(Number(ns / 1_000_000n)).toISOString().replace(/\.\d{3}Z$/, `.${rest}Z`);
}

/** Spans before their children: clocks of whole milliseconds have a child begin as its parent does, or sooner. */
function outsideIn(spans: readonly Span[]): Span[] {
  const ids = new Set(spans.map(({ spanId }) => bytesToHex(spanId)));
  const byParent = Map.groupBy(spans.toSorted(byStart), ({ parentSpanId }) => {
    const parent = bytesToHex(parentSpanId);
    return ids.has(parent) ? parent : "";
  });
  const ordered: Span[] = [];
  const waiting = (byParent.get("") ?? []).toReversed();
  for (let span = waiting.pop(); span; span = waiting.pop()) {
    ordered.push(span);
    for (const child of (byParent.get(bytesToHex(span.spanId)) ?? []).toReversed()) waiting.push(child);
  }
  return ordered;
}

function byStart(a: Span, b: Span): number {
  return compare(a.startTimeUnixNano, b.startTimeUnixNano) || compare(a.endTimeUnixNano, b.endTimeUnixNano);
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
