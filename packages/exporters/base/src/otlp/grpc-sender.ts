import { fromBinary } from "@bufbuild/protobuf";
import { BinaryReader } from "@bufbuild/protobuf/wire";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, createClient, type Transport } from "@connectrpc/connect";
import { compressionGzip, createGrpcTransport, Http2SessionManager } from "@connectrpc/connect-node";
import { msFromDuration } from "@spanloom/protocol";
import { LogsService, TraceService } from "@spanloom/protocol/otlp";
import type { OtlpTarget } from "./otlp-options.ts";
import { type LogsSender, type SendResult, type TracesSender, takenBut } from "./sender.ts";
import { tellable } from "./tellable.ts";

/**
 * OTLP over gRPC, through Connect's gRPC transport.
 *
 * Source: OpenTelemetry Protocol specification, OTLP/gRPC.
 */

/** Answers after which the same request may succeed later. RESOURCE_EXHAUSTED is one only with a delay; see below. */
const transientCodes: ReadonlySet<Code> = new Set([
  Code.Canceled,
  Code.DeadlineExceeded,
  Code.Aborted,
  Code.OutOfRange,
  Code.Unavailable,
  Code.DataLoss,
]);

/** Sends spans over gRPC. */
export function grpcTracesSender(target: OtlpTarget): TracesSender {
  const { transport, close } = grpcTransport(target);
  const client = createClient(TraceService, transport);
  return {
    async send(request) {
      try {
        const { partialSuccess: partial } = await client.export(request, { headers: target.headers });
        return takenBut("traces", partial && { rejected: partial.rejectedSpans, message: partial.errorMessage });
      } catch (error) {
        return failureOf(error, target);
      }
    },
    close,
  };
}

/** Sends log records over gRPC. */
export function grpcLogsSender(target: OtlpTarget): LogsSender {
  const { transport, close } = grpcTransport(target);
  const client = createClient(LogsService, transport);
  return {
    async send(request) {
      try {
        const { partialSuccess: partial } = await client.export(request, { headers: target.headers });
        return takenBut("logs", partial && { rejected: partial.rejectedLogRecords, message: partial.errorMessage });
      } catch (error) {
        return failureOf(error, target);
      }
    },
    close,
  };
}

function grpcTransport({ url, tls, compression, timeoutMs }: OtlpTarget): { transport: Transport; close(): void } {
  const manager = new Http2SessionManager(url.origin, {}, url.protocol === "https:" ? { ...tls } : {});
  const transport = createGrpcTransport({
    baseUrl: url.origin,
    sessionManager: {
      authority: url.origin,
      notifyResponseByteRead: (stream) => manager.notifyResponseByteRead(stream),
      async request(...asked) {
        const stream = await manager.request(...asked);
        // The manager hears of errors until it is aborted. One that is on its way then would end the process, as nobody
        // listens any more.
        if (stream.session?.listeners("error").includes(ignore) === false) stream.session.on("error", ignore);
        return stream;
      },
    },
    defaultTimeoutMs: timeoutMs,
    ...(compression === "gzip" && { sendCompression: compressionGzip }),
  });
  return { transport, close: () => manager.abort() };
}

function ignore(): void {}

/** How servers of several languages say that a message is larger than they take: the code alone says only "exhausted". */
const TOO_LARGE = /larger than max|exceeds maximum size/i;

function failureOf(error: unknown, { url, headers }: OtlpTarget): SendResult {
  const failure = ConnectError.from(error);
  const hint = codeOf(failure.cause) === "ERR_HTTP2_ERROR" ? "; is it an endpoint for HTTP/1.1?" : "";
  const reason = tellable(`${Code[failure.code]} ${failure.rawMessage}${hint}`, headers, url);
  const message = `cannot export to ${url.origin}: ${reason}`;
  const retryAfterMs = retryDelayMs(failure);
  const transient =
    transientCodes.has(failure.code) ||
    isBrokenTls(failure.cause) ||
    (failure.code === Code.ResourceExhausted && retryAfterMs !== undefined);
  if (failure.code === Code.ResourceExhausted && TOO_LARGE.test(failure.rawMessage))
    return { outcome: "too large", message };
  if (!transient) return { outcome: "failed", message };
  return { outcome: "retry", message, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

/**
 * Whether no secure connection came about, which the transport calls an internal error: a certificate that has expired is
 * replaced one day, and nothing was sent.
 */
function isBrokenTls(cause: unknown): boolean {
  return /CERT|TLS|SSL|UNABLE_TO|EPROTO/.test(codeOf(cause));
}

function codeOf(cause: unknown): string {
  const { code } = (cause ?? {}) as NodeJS.ErrnoException;
  return typeof code === "string" ? code : "";
}

/** The delay of a `google.rpc.RetryInfo` detail, whose first field is a Duration. */
function retryDelayMs({ details }: ConnectError): number | undefined {
  for (const detail of details) {
    if (!("type" in detail) || detail.type !== "google.rpc.RetryInfo") continue;
    const reader = new BinaryReader(detail.value);
    while (reader.pos < reader.len) {
      const [field, wireType] = reader.tag();
      if (field === 1) return msFromDuration(fromBinary(DurationSchema, reader.bytes()));
      reader.skip(wireType, field);
    }
  }
  return undefined;
}
