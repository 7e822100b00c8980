import { create } from "@bufbuild/protobuf";
import {
  durationFromMs,
  timestampFromUs,
  WebhookEncoding,
  WebhookHash,
  type WebhookHmac,
  WebhookHmacSchema,
  type Webhook as WebhookMessage,
  WebhookSchema,
  WebhookScheme,
  WebhookSecretEncoding,
} from "@spanloom/protocol";
import type { DefinitionRecord } from "../store/trigger-store.ts";
import type { HmacSignature } from "../webhooks/webhook.ts";
import { decodeWebhook } from "../webhooks/webhook-definition.ts";

const schemes = {
  none: WebhookScheme.NONE,
  hmac: WebhookScheme.HMAC,
  github: WebhookScheme.GITHUB,
  stripe: WebhookScheme.STRIPE,
} as const;
const hashes = { sha256: WebhookHash.SHA256, sha384: WebhookHash.SHA384, sha512: WebhookHash.SHA512 } as const;
const encodings = { hex: WebhookEncoding.HEX, base64: WebhookEncoding.BASE64 } as const;
const secretEncodings = {
  text: WebhookSecretEncoding.TEXT,
  hex: WebhookSecretEncoding.HEX,
  base64: WebhookSecretEncoding.BASE64,
} as const;

/** A webhook as callers see it: of its secrets the names of variables and a count. */
export function toWebhookMessage(record: DefinitionRecord): WebhookMessage {
  const { name, description, signature, secrets, ...webhook } = decodeWebhook(record.body);
  const secretEnv = secrets.flatMap((secret) => ("env" in secret ? [secret.env] : []));
  return create(WebhookSchema, {
    id: record.id,
    name,
    description,
    scheme: schemes[signature.scheme],
    ...(signature.scheme === "hmac" && { hmac: toHmac(signature) }),
    secretEnv,
    storedSecrets: secrets.length - secretEnv.length,
    key: webhook.eventKey,
    headers: [...webhook.headers],
    maxBodyBytes: webhook.maxBodyBytes,
    tolerance: durationFromMs(webhook.toleranceMs),
    path: `/hooks/${name}`,
    createdAt: timestampFromUs(record.createdAtUs),
    updatedAt: timestampFromUs(record.updatedAtUs),
    revision: BigInt(record.revision),
    acceptText: webhook.acceptText,
    paused: webhook.isPaused,
  });
}

function toHmac(signature: HmacSignature): WebhookHmac {
  return create(WebhookHmacSchema, {
    signatureHeader: signature.header,
    prefix: signature.prefix,
    hash: hashes[signature.hash],
    encoding: encodings[signature.encoding],
    timestampHeader: signature.timestampHeader ?? "",
    idHeader: signature.idHeader ?? "",
    signed: signature.signed,
    secretEncoding: secretEncodings[signature.secretEncoding],
  });
}
