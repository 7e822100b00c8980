import {
  type Limits,
  type PutWebhookRequest,
  WebhookEncoding,
  WebhookHash,
  type WebhookHmac,
  WebhookScheme,
  WebhookSecretEncoding,
} from "@spanloom/protocol";
import {
  boundedNumber,
  boundedText,
  checkLimit,
  invalidField,
  optionalDurationMs,
  requiredText,
} from "../engine/field.ts";
import { quote } from "../engine/version.ts";
import { isPrivateHeader } from "../webhooks/delivery-event.ts";
import { parseKeyTemplate } from "../webhooks/event-key.ts";
import type { HmacSignature, SignatureScheme, Webhook } from "../webhooks/webhook.ts";
import { webhookName } from "../webhooks/webhook-intake.ts";

/** A webhook as it was asked for, its secrets aside. */
export type WebhookDraft = Omit<Webhook, "secrets">;

const DEFAULT_BODY_BYTES = 1024 * 1024;
const DEFAULT_TOLERANCE_MS = 300_000;
const tolerances = { minMs: 1_000, maxMs: 86_400_000 };
const MAX_HEADERS = 32;
const MAX_TEMPLATE_BYTES = 256;
const MAX_PREFIX_BYTES = 64;

/**
 * Reads a request for a webhook; defaults are filled in.
 *
 * Errors: INVALID_FIELD and LIMIT_EXCEEDED naming the field.
 */
export function readWebhookRequest(request: PutWebhookRequest, limits: Limits): WebhookDraft {
  const signature = readScheme(request);
  const maxBodyBytes = request.maxBodyBytes === 0 ? DEFAULT_BODY_BYTES : request.maxBodyBytes;
  return {
    name: nameField(request.name),
    description: boundedText("description", request.description, limits.maxDescriptionBytes),
    signature,
    toleranceMs: optionalDurationMs("tolerance", request.tolerance, tolerances) ?? DEFAULT_TOLERANCE_MS,
    eventKey: readKey(request.key, signature),
    maxBodyBytes: boundedNumber(
      "max_body_bytes",
      maxBodyBytes,
      1,
      Math.min(limits.maxEventBytes, limits.maxRequestBytes),
    ),
    acceptText: request.acceptText,
    headers: readHeaders(request.headers, signature),
    isPaused: request.paused,
  };
}

/** The name of a webhook. */
export function nameField(name: string): string {
  if (webhookName.test(name) && !/^\.+$/.test(name)) return name;
  throw invalidField("name", `is ${quote(name)}, not 1 to 128 letters, digits, "_", "-" and "."`);
}

function readScheme({ scheme, hmac }: PutWebhookRequest): SignatureScheme {
  if (scheme === WebhookScheme.HMAC) {
    if (!hmac) throw invalidField("hmac", "is absent, needed with the scheme HMAC");
    return { scheme: "hmac", ...readHmac(hmac) };
  }
  if (hmac) throw invalidField("hmac", "is there, allowed with the scheme HMAC alone");
  if (scheme === WebhookScheme.GITHUB) return { scheme: "github" };
  if (scheme === WebhookScheme.STRIPE) return { scheme: "stripe" };
  if (scheme === WebhookScheme.NONE) return { scheme: "none" };
  throw invalidField("scheme", `is ${scheme}, not HMAC, GITHUB or STRIPE, or NONE to check nothing`);
}

function readHmac(hmac: WebhookHmac): HmacSignature {
  const header = headerName("hmac.signature_header", hmac.signatureHeader);
  const timestampHeader = hmac.timestampHeader && headerName("hmac.timestamp_header", hmac.timestampHeader);
  const idHeader = hmac.idHeader && headerName("hmac.id_header", hmac.idHeader);
  for (const [field, other] of Object.entries({ timestamp_header: timestampHeader, id_header: idHeader }))
    if (other === header) throw invalidField(`hmac.${field}`, `is ${quote(other)}, the header of the signature`);
  if (!/^[!-~]*$/.test(hmac.prefix)) throw invalidField("hmac.prefix", `is ${quote(hmac.prefix)}: it has a space`);
  return {
    header,
    hash: choice("hmac.hash", hmac.hash, hashes),
    prefix: boundedText("hmac.prefix", hmac.prefix, MAX_PREFIX_BYTES),
    encoding: choice("hmac.encoding", hmac.encoding, encodings),
    signed: readSigned(hmac),
    ...(timestampHeader && { timestampHeader }),
    ...(idHeader && { idHeader }),
    secretEncoding: choice("hmac.secret_encoding", hmac.secretEncoding, secretEncodings),
  };
}

const hashes = {
  [WebhookHash.UNSPECIFIED]: "sha256",
  [WebhookHash.SHA256]: "sha256",
  [WebhookHash.SHA384]: "sha384",
  [WebhookHash.SHA512]: "sha512",
} as const;

const encodings = {
  [WebhookEncoding.UNSPECIFIED]: "hex",
  [WebhookEncoding.HEX]: "hex",
  [WebhookEncoding.BASE64]: "base64",
} as const;

const secretEncodings = {
  [WebhookSecretEncoding.UNSPECIFIED]: "text",
  [WebhookSecretEncoding.TEXT]: "text",
  [WebhookSecretEncoding.HEX]: "hex",
  [WebhookSecretEncoding.BASE64]: "base64",
} as const;

function choice<Value extends string>(field: string, given: number, values: Readonly<Record<number, Value>>): Value {
  const value = values[given];
  if (value === undefined) throw invalidField(field, `is ${given}, which this server does not know`);
  return value;
}

/** What is signed must hold the body, and the time where there is one: what is not signed anybody may write. */
function readSigned({ signed, timestampHeader, idHeader }: WebhookHmac): string {
  const field = "hmac.signed";
  const template = signed || (timestampHeader ? "{timestamp}.{body}" : "{body}");
  boundedText(field, template, MAX_TEMPLATE_BYTES);
  const placeholders = template.match(/\{[^{}]*\}/g) ?? [];
  const unknown = placeholders.find((each) => each !== "{body}" && each !== "{timestamp}" && each !== "{id}");
  if (unknown !== undefined)
    throw invalidField(field, `has ${quote(unknown)}, which is none of {body}, {timestamp} and {id}`);
  const count = (placeholder: string): number => placeholders.filter((each) => each === placeholder).length;
  if (count("{body}") !== 1) throw invalidField(field, `has {body} ${count("{body}")} times, not once`);
  if (timestampHeader && count("{timestamp}") === 0)
    throw invalidField(field, "has no {timestamp}, so that it proves none");
  if (!timestampHeader && count("{timestamp}") > 0)
    throw invalidField("hmac.timestamp_header", "is empty, and its time signed");
  if (!idHeader && count("{id}") > 0) throw invalidField("hmac.id_header", "is empty, and its id signed");
  return template;
}

function headerName(field: string, name: string): string {
  const header = requiredText(field, name, MAX_TEMPLATE_BYTES).toLowerCase();
  if (/^[\w!#$%&'*+.^`|~-]+$/.test(header)) return header;
  throw invalidField(field, `is ${quote(name)}, which is no name of a header`);
}

const defaultKeys: Readonly<Record<SignatureScheme["scheme"], string>> = {
  none: "webhook.{name}",
  hmac: "webhook.{name}",
  github: "webhook.{name}.{header.x-github-event}.{payload.action}",
  stripe: "webhook.{name}.{payload.type}",
};

function readKey(key: string, { scheme }: SignatureScheme): string {
  const template = boundedText("key", key || defaultKeys[scheme], MAX_TEMPLATE_BYTES);
  const parsed = parseKeyTemplate(template);
  if ("problem" in parsed) throw invalidField("key", parsed.problem);
  return template;
}

function readHeaders(headers: readonly string[], signature: SignatureScheme): string[] {
  checkLimit("headers", headers.length, MAX_HEADERS, "headers");
  const names = headers.map((name, i) => headerName(`headers[${i}]`, name));
  names.forEach((name, i) => {
    const field = `headers[${i}]`;
    if (names.indexOf(name) < i) throw invalidField(field, `is ${quote(name)}, as one before it`);
    if (isPrivateHeader(name, signature))
      throw invalidField(field, `is ${quote(name)}, which carries a signature, a token or cookies and is not kept`);
  });
  return names;
}
