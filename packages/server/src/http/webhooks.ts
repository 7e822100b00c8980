import { type Reason, SpanloomError } from "@spanloom/protocol";
import { type Log, toWireError } from "../rpc/error-interceptor.ts";
import type { SelfTracer } from "../self-tracing/self-tracer.ts";
import { DeliveryHeaders } from "../webhooks/delivery-headers.ts";
import { DeliveryRefusal, type RefusalReason } from "../webhooks/delivery-refusal.ts";
import type { HeldBody } from "../webhooks/held-bytes.ts";
import { signatureHeader } from "../webhooks/verify-signature.ts";
import type { Webhook } from "../webhooks/webhook.ts";
import type { WebhookIntake } from "../webhooks/webhook-intake.ts";
import type { Authorize } from "./authorization.ts";
import { type HttpResponse, isGone } from "./http-response.ts";
import { type HttpRequest, receive } from "./request-body.ts";
import { traceHttp } from "./traced-call.ts";

/**
 * `POST /hooks/{name}`: what others deliver becomes an event.
 *
 * The signature lets a delivery in, no bearer token; only a webhook that checks none needs one, where the server has
 * tokens. Answered with 202 once the event is durable.
 *
 * Source: docs/webhooks.md.
 */

/** Takes deliveries. */
export type WebhookTaker = Pick<WebhookIntake, "find" | "take" | "refused" | "held">;

/** What the endpoint needs. */
export interface WebhookOptions {
  /** Absent where there are no events. */
  webhooks?: WebhookTaker | undefined;
  authorize: Authorize;
  maxRequestBytes: number;
  log: Log;
  tracer?: SelfTracer | undefined;
}

const PREFIX = "/hooks/";

/** The path as metrics, spans and scopes have it: one for all webhooks. */
const WEBHOOK_ROUTE = "/hooks/{name}";

/** The route of a path below `/hooks/`; undefined for others. */
export function webhookRoute(path: string): string | undefined {
  return path.startsWith(PREFIX) ? WEBHOOK_ROUTE : undefined;
}

/** Serves `/hooks/{name}`; false when the path is another. */
export function serveWebhook(
  path: string,
  request: HttpRequest,
  response: HttpResponse,
  options: WebhookOptions,
): boolean {
  const { webhooks, tracer } = options;
  if (!webhooks || !webhookRoute(path)) return false;
  const name = path.slice(PREFIX.length);
  const serve = () => serveDelivery({ name, request, response }, { ...options, webhooks });
  void (tracer ? traceHttp(tracer, WEBHOOK_ROUTE, { request, response }, serve) : serve());
  return true;
}

interface Exchange {
  name: string;
  request: HttpRequest;
  response: HttpResponse;
}

type Serving = WebhookOptions & { webhooks: WebhookTaker };

/** Never rejects. */
async function serveDelivery(exchange: Exchange, options: Serving): Promise<SpanloomError | undefined> {
  const { request, response } = exchange;
  let webhook: Webhook | undefined;
  try {
    if (request.method !== "POST") throw new DeliveryRefusal("method", `its method is ${request.method}`);
    webhook = await options.webhooks.find(exchange.name);
    const eventId = await take(webhook, request, options);
    respond(response, 202, { event_id: eventId });
    return undefined;
  } catch (cause) {
    const refusal = cause instanceof DeliveryRefusal ? cause : defect(cause, options.log);
    options.webhooks.refused(webhook?.name, refusal);
    refuse(exchange, refusal);
    return toldError(refusal);
  }
}

async function take(webhook: Webhook, request: HttpRequest, options: Serving): Promise<string> {
  if (webhook.isPaused) throw new DeliveryRefusal("paused", "it is paused");
  const headers = new DeliveryHeaders(request.rawHeaders);
  admit(webhook, headers, options.authorize);
  const encoding = headers.one("content-encoding") ?? "identity";
  if (encoding !== "identity") throw new DeliveryRefusal("unsupported", "its body is compressed");
  using held = options.webhooks.held.begin();
  const maxBytes = Math.min(webhook.maxBodyBytes, options.maxRequestBytes);
  const body = await readBody(request, maxBytes, held);
  return await options.webhooks.take(webhook, { headers, body });
}

/** Refuses before the body is read what cannot be let in whatever is in it. */
function admit(webhook: Webhook, headers: DeliveryHeaders, authorize: Authorize): void {
  const header = signatureHeader(webhook.signature);
  if (header !== undefined) {
    headers.required(header, "signature");
    return;
  }
  try {
    authorize(headers.one("authorization"), WEBHOOK_ROUTE);
  } catch (cause) {
    if (!(cause instanceof SpanloomError)) throw cause;
    throw new DeliveryRefusal("signature", `it is not signed, and ${cause.message}`, { cause });
  }
}

/** The body as it was sent: what is signed is its bytes. */
async function readBody(request: HttpRequest, maxBytes: number, held: HeldBody): Promise<Uint8Array> {
  const { promise: full, reject } = Promise.withResolvers<never>();
  const count = (chunk: Uint8Array): void => {
    try {
      held.add(chunk.length);
    } catch (refusal) {
      reject(refusal);
    }
  };
  try {
    const body = receive(request, maxBytes);
    request.on("data", count);
    return await Promise.race([body, full]);
  } catch (cause) {
    if (!(cause instanceof SpanloomError)) throw cause;
    const reason = cause.reason === "LIMIT_EXCEEDED" ? "too_large" : "malformed";
    throw new DeliveryRefusal(reason, cause.message, { cause });
  } finally {
    request.off("data", count);
  }
}

function defect(error: unknown, log: Log): DeliveryRefusal {
  const { rawMessage } = toWireError(error, log, WEBHOOK_ROUTE);
  return new DeliveryRefusal("failed", rawMessage, { cause: error });
}

/** Seconds until it may be sent again. Most senders have a schedule of their own. */
const retryAfter: Partial<Record<RefusalReason, number>> = { secret: 60, paused: 60, busy: 5, unavailable: 5 };

const codes: Readonly<Record<RefusalReason, Reason>> = {
  unknown: "WEBHOOK_NOT_FOUND",
  method: "UNIMPLEMENTED",
  signature: "UNAUTHENTICATED",
  expired: "UNAUTHENTICATED",
  secret: "INVALID_STATE",
  paused: "INVALID_STATE",
  too_large: "LIMIT_EXCEEDED",
  unsupported: "INVALID_FIELD",
  malformed: "INVALID_FIELD",
  busy: "OVERLOADED",
  unavailable: "STORE_UNAVAILABLE",
  failed: "INTERNAL",
};

/** What spans of the server's own work are told, which those who run it see. */
function toldError(refusal: DeliveryRefusal): SpanloomError {
  return new SpanloomError(
    codes[refusal.reason],
    `cannot take the delivery: ${refusal.message}`,
    {},
    { cause: refusal },
  );
}

function refuse({ request, response }: Exchange, { reason, status, publicMessage }: DeliveryRefusal): void {
  if (!request.complete && request.httpVersionMajor === 1) response.setHeader("connection", "close");
  request.resume();
  const seconds = retryAfter[reason];
  if (seconds !== undefined) response.setHeader("retry-after", seconds);
  if (reason === "method") response.setHeader("allow", "POST");
  if (reason === "unsupported") response.setHeader("accept-encoding", "identity");
  respond(response, status, { error: publicMessage });
}

function respond(response: HttpResponse, status: number, answer: object): void {
  if (response.headersSent || isGone(response)) return;
  const body = JSON.stringify(answer);
  response.writeHead(status, { "content-type": "application/json", "content-length": Buffer.byteLength(body) });
  response.end(body);
}
