import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { reasonOf } from "./answer-reason.ts";
import type { OtlpTarget, OutgoingRequest } from "./otlp-options.ts";
import { parseRetryAfterMs } from "./retry-after.ts";
import type { SendResult } from "./sender.ts";
import { tellable } from "./tellable.ts";

/**
 * POST requests of OTLP over HTTP, and what their answers mean.
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

/** The answer after which a smaller request may succeed. */
const TOO_LARGE = 413;

/** What a POST came to: the answer of a success, or the result of a failure. */
export type PostOutcome =
  | { readonly body: Buffer; readonly contentType: string }
  | { readonly failure: Exclude<SendResult, { outcome: "exported" }> };

/** Posts bodies to one endpoint over kept connections. */
export class HttpPoster {
  readonly #target: OtlpTarget;
  readonly #contentType: string;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #nowMs: () => number;
  readonly #closed = new AbortController();

  constructor(target: OtlpTarget, contentType: string, nowMs: () => number) {
    this.#target = target;
    this.#contentType = contentType;
    this.#nowMs = nowMs;
    this.#agent =
      target.url.protocol === "https:"
        ? new HttpsAgent({ keepAlive: true, ...target.tls })
        : new HttpAgent({ keepAlive: true });
  }

  /** Posts one body. Never rejects. */
  async post(message: Uint8Array): Promise<PostOutcome> {
    const { compression, timeoutMs, headers } = this.#target;
    const timeout = AbortSignal.timeout(timeoutMs);
    const signal = AbortSignal.any([timeout, this.#closed.signal]);
    try {
      const body = compression === "gzip" ? await promisify(gzip)(message) : message;
      const request = this.#requestOf(body);
      return await this.#exchange({ ...request, headers: await this.#authorized(request, signal) }, signal);
    } catch (error) {
      const isClosed = this.#closed.signal.aborted;
      const reason = timeout.aborted ? `no answer within ${timeoutMs} ms` : describe(error);
      const message = this.#messageOf(isClosed ? "the exporter is shut down" : reason, headers);
      return {
        failure: { outcome: !isClosed && (timeout.aborted || isTransient(error)) ? "retry" : "failed", message },
      };
    }
  }

  /** Ends what is under way and closes the connections. */
  close(): void {
    this.#closed.abort();
    this.#agent.destroy();
  }

  #messageOf(reason: string, headers: OutgoingRequest["headers"]): string {
    const { url } = this.#target;
    return `cannot export to ${url.origin}${url.pathname}: ${tellable(reason, headers, url)}`;
  }

  #requestOf(body: Uint8Array): OutgoingRequest {
    const { url, headers, compression, userAgent } = this.#target;
    return {
      url,
      method: "POST",
      headers: {
        "user-agent": userAgent,
        ...headers,
        "content-type": this.#contentType,
        "content-length": String(body.byteLength),
        ...(compression === "gzip" && { "content-encoding": "gzip" }),
      },
      body,
    };
  }

  /** The headers to send; the backend's own way to make them gets no longer than the request. */
  async #authorized(request: OutgoingRequest, signal: AbortSignal): Promise<OutgoingRequest["headers"]> {
    const { authorize } = this.#target;
    if (!authorize) return request.headers;
    const aborted = Promise.withResolvers<never>();
    const abort = () => aborted.reject(signal.reason as Error);
    // Nobody may await it: the headers may come first.
    aborted.promise.catch(() => undefined);
    signal.addEventListener("abort", abort, { once: true });
    try {
      return await Promise.race([authorize(request), aborted.promise]);
    } catch (error) {
      throw signal.aborted ? error : new UnauthorizedError(error);
    } finally {
      signal.removeEventListener("abort", abort);
    }
  }

  async #exchange(request: OutgoingRequest, signal: AbortSignal): Promise<PostOutcome> {
    const response = await this.#send(request, signal);
    const answer = await readAll(response);
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return { body: answer, contentType: response.headers["content-type"] ?? "" };
    const reason = reasonOf(answer, response.headers["content-type"] ?? "");
    const words = `${status} ${response.statusMessage ?? ""}`.trimEnd();
    const message = this.#messageOf(reason === "" ? words : `${words}: ${reason}`, request.headers);
    if (status === TOO_LARGE) return { failure: { outcome: "too large", message } };
    if (!transientStatuses.has(status)) return { failure: { outcome: "failed", message } };
    const retryAfterMs = parseRetryAfterMs(response.headers["retry-after"], this.#nowMs());
    return { failure: { outcome: "retry", message, ...(retryAfterMs !== undefined && { retryAfterMs }) } };
  }

  #send({ url, method, headers, body }: OutgoingRequest, signal: AbortSignal): Promise<IncomingMessage> {
    const request = url.protocol === "https:" ? httpsRequest : httpRequest;
    return new Promise((resolve, reject) => {
      const sent = request(url, { method, agent: this.#agent, signal, headers });
      sent.on("response", resolve);
      sent.on("error", reject);
      sent.end(body);
    });
  }
}

class TooLargeAnswerError extends Error {
  constructor() {
    super(`the answer is larger than ${MAX_RESPONSE_BYTES} bytes`);
  }
}

/** The backend's own way to authorize a request failed. Its credentials may be back later. */
class UnauthorizedError extends Error {
  constructor(cause: unknown) {
    super(`cannot authorize the request: ${describe(cause)}`, { cause });
  }
}

/** An answer that is too large is the backend's last word; nothing else here is an answer. */
function isTransient(error: unknown): boolean {
  return !(error instanceof TooLargeAnswerError);
}

async function readAll(response: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of response as AsyncIterable<Buffer>) {
    bytes += piece.byteLength;
    if (bytes > MAX_RESPONSE_BYTES) throw new TooLargeAnswerError();
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}

/** Node gathers the errors of several addresses into one without a message of its own. */
function describe(error: unknown): string {
  const { message, code } = error as NodeJS.ErrnoException;
  // A gRPC endpoint answers HTTP/1.1 with a frame of HTTP/2: the ports 4317 and 4318 are easily mistaken.
  if (code === "HPE_INVALID_CONSTANT") return `${message}; is it an endpoint for gRPC?`;
  return message || code || String(error);
}
