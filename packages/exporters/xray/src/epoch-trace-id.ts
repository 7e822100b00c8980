import type { TelemetryBatch } from "@spanloom/exporter";

/**
 * A trace id that begins with the seconds of its time, as X-Ray's own do; others are given as they are.
 *
 * The trace id of a job is a UUIDv7: 48 bits of milliseconds, then version, counter and random bits. The seconds take the
 * first four bytes, and the low 16 bits of the milliseconds stay where they are, so that no two ids become one, and the same
 * id becomes the same one wherever it is translated.
 *
 * Source: AWS X-Ray, tracing header; RFC 9562, 5.7.
 */
export function epochTraceId(traceId: Uint8Array): Uint8Array {
  if (!isUuidV7(traceId)) return traceId;
  const view = new DataView(traceId.buffer, traceId.byteOffset, traceId.byteLength);
  const ms = view.getUint32(0) * 0x10000 + view.getUint16(4);
  const seconds = Math.floor(ms / 1000);
  // Far beyond any clock that is right: it was no time.
  if (seconds > 0xffffffff) return traceId;
  const out = Uint8Array.from(traceId);
  new DataView(out.buffer).setUint32(0, seconds);
  return out;
}

function isUuidV7(id: Uint8Array): boolean {
  return id.byteLength === 16 && id[6]! >> 4 === 7 && id[8]! >> 6 === 2;
}

/** A batch whose trace ids begin with their time, those of links and log records, too. */
export function withEpochTraceIds({ traces, logs }: TelemetryBatch): TelemetryBatch {
  const translated = <Kind extends { traceId: Uint8Array }>(record: Kind): Kind => ({
    ...record,
    traceId: epochTraceId(record.traceId),
  });
  const resourceSpans = traces?.resourceSpans.map((from) => ({
    ...from,
    scopeSpans: from.scopeSpans.map((scope) => ({
      ...scope,
      spans: scope.spans.map((span) => ({ ...translated(span), links: span.links.map(translated) })),
    })),
  }));
  const resourceLogs = logs?.resourceLogs.map((from) => ({
    ...from,
    scopeLogs: from.scopeLogs.map((scope) => ({ ...scope, logRecords: scope.logRecords.map(translated) })),
  }));
  return {
    ...(traces && resourceSpans && { traces: { ...traces, resourceSpans } }),
    ...(logs && resourceLogs && { logs: { ...logs, resourceLogs } }),
  };
}
