import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { fromBinary, toBinary } from "@bufbuild/protobuf";
import type { ExportResult } from "@spanloom/exporter";
import {
  ExportLogsServiceRequestSchema,
  ExportLogsServiceResponseSchema,
  ExportTraceServiceRequestSchema,
  ExportTraceServiceResponseSchema,
} from "@spanloom/protocol/otlp";
import type { OtlpTarget } from "./config.ts";
import { parseRetryAfterMs } from "./retry-after.ts";
import { type LogsSender, type TracesSender, takenBut } from "./sender.ts";

/**
 * OTLP over HTTP with Protocol Buffers.
 *
 * OpenTelemetry's own transport (`@opentelemetry/otlp-exporter-base`) is reachable only behind a retrying delegate that
 * keeps Retry-After and the kind of failure to itself, which the queue needs; hence this one over Node's `http`.
 * Measured in docs/adr/008-own-otlp-http-transport.md.
 *
 * Source: OpenTelemetry Protocol specification, OTLP/HTTP.
 */

/** Largest answer read; OTLP answers are tiny, and an endpoint is not trusted to stop. */
const MAX_RESPONSE_BYTES = 4 * 1024 * 1024;

/** Answers after which the same request may succeed later. */
const transientStatuses: ReadonlySet<number> = new Set([429, 502, 503, 504]);

/** Failures of a connection that another attempt may not meet. A certificate that is refused is not among them. */
const transientErrors: ReadonlySet<string> = new Set([
  "EAI_AGAIN",
  "ECONNABORTED",
  "ECONNREFUSED",
  "ECONNRESET",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "EPIPE",
  "ETIMEDOUT",
]);

/** Sends spans over HTTP. */
export function httpTracesSender(target: OtlpTarget, nowMs: () => number): TracesSender {
  const poster = new HttpPoster(target, nowMs);
  return {
    async send(request) {
      const outcome = await poster.post(toBinary(ExportTraceServiceRequestSchema, request));
      if ("failure" in outcome) return outcome.failure;
      const partial = lenient(() => fromBinary(ExportTraceServiceResponseSchema, outcome.body).partialSuccess);
      return takenBut("traces", partial && { rejected: partial.rejectedSpans, message: partial.errorMessage });
    },
    close: () => poster.close(),
  };
}

/** Sends log records over HTTP. */
export function httpLogsSender(target: OtlpTarget, nowMs: () => number): LogsSender {
  const poster = new HttpPoster(target, nowMs);
  return {
    async send(request) {
      const outcome = await poster.post(toBinary(ExportLogsServiceRequestSchema, request));
      if ("failure" in outcome) return outcome.failure;
      const partial = lenient(() => fromBinary(ExportLogsServiceResponseSchema, outcome.body).partialSuccess);
      return takenBut("logs", partial && { rejected: partial.rejectedLogRecords, message: partial.errorMessage });
    },
    close: () => poster.close(),
  };
}

/** Some endpoints answer a success with text or JSON: it is a success all the same. */
function lenient<Message>(decode: () => Message | undefined): Message | undefined {
  try {
    return decode();
  } catch {
    // Nothing can be known of what it refused, and sending again would double what it took.
    return undefined;
  }
}

/** What a POST came to: the body of a success, or the result of a failure. */
type PostOutcome = { readonly body: Buffer } | { readonly failure: ExportResult };

/** Posts bodies to one endpoint over kept connections. */
class HttpPoster {
  readonly #target: OtlpTarget;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #nowMs: () => number;
  readonly #closed = new AbortController();

  constructor(target: OtlpTarget, nowMs: () => number) {
    this.#target = target;
    this.#nowMs = nowMs;
    this.#agent =
      target.url.protocol === "https:"
        ? new HttpsAgent({ keepAlive: true, ...target.tls })
        : new HttpAgent({ keepAlive: true });
  }

  /** Posts one body. Never rejects. */
  async post(message: Uint8Array): Promise<PostOutcome> {
    const { compression, timeoutMs, url } = this.#target;
    const timeout = AbortSignal.timeout(timeoutMs);
    try {
      const body = compression === "gzip" ? await promisify(gzip)(message) : message;
      return await this.#exchange(body, AbortSignal.any([timeout, this.#closed.signal]));
    } catch (error) {
      const reason = timeout.aborted ? `no answer within ${timeoutMs} ms` : describe(error);
      const transient = timeout.aborted || transientErrors.has((error as NodeJS.ErrnoException).code ?? "");
      const outcome = transient && !this.#closed.signal.aborted ? "retry" : "failed";
      return { failure: { outcome, message: `cannot export to ${url.origin}${url.pathname}: ${reason}` } };
    }
  }

  /** Ends what is under way and closes the connections. */
  close(): void {
    this.#closed.abort();
    this.#agent.destroy();
  }

  async #exchange(body: Uint8Array, signal: AbortSignal): Promise<PostOutcome> {
    const response = await this.#send(body, signal);
    const answer = await readAll(response);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return { body: answer };
    const { origin, pathname } = this.#target.url;
    const message = `cannot export to ${origin}${pathname}: ${status} ${response.statusMessage ?? ""}`.trimEnd();
    if (!transientStatuses.has(status)) return { failure: { outcome: "failed", message } };
    const retryAfterMs = parseRetryAfterMs(response.headers["retry-after"], this.#nowMs());
    return { failure: { outcome: "retry", message, ...(retryAfterMs !== undefined && { retryAfterMs }) } };
  }

  #send(body: Uint8Array, signal: AbortSignal): Promise<IncomingMessage> {
    const { url, headers, compression } = this.#target;
    const request = url.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const sent = request(url, {
        method: "POST",
        agent: this.#agent,
        signal,
        headers: {
          "user-agent": "spanloom-exporter-otlp",
          ...headers,
          "content-type": "application/x-protobuf",
          "content-length": body.byteLength,
          ...(compression === "gzip" && { "content-encoding": "gzip" }),
        },
      });
      sent.on("response", resolve);
      sent.on("error", reject);
      sent.end(body);
    });
  }
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.byteLength;
    if (bytes > MAX_RESPONSE_BYTES) throw new Error(`the answer is larger than ${MAX_RESPONSE_BYTES} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Node gathers the errors of several addresses into one without a message of its own. */
function describe(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  return message || code || String(error);
}
