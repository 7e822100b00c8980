import { msFromDuration, type Webhook, type WebhookHmac } from "@spanloom/protocol";
import { dateOf } from "../date-of.ts";
import { type WebhookHmacOptions, type WebhookProof, webhookChoices } from "./webhook-options.ts";

/** A webhook as it stood when the server answered, without its secrets. */
export interface WebhookSnapshot {
  /** UUIDv7; one that is deleted and made again has another. */
  id: string;
  /** Its name. */
  name: string;
  /** What it is for. */
  description: string;
  /** How deliveries prove where they come from. */
  scheme: WebhookProof["scheme"];
  /** Settings of the scheme `hmac`. */
  hmac?: WebhookHmacOptions;
  /** Names of the variables with its secrets. */
  secretEnv: string[];
  /** How many secrets are stored. */
  storedSecrets: number;
  /** Key of its events. */
  key: string;
  /** Headers that become metadata. */
  headers: string[];
  /** Most bytes of a body. */
  maxBodyBytes: number;
  /** How far a delivery's time may lie off. */
  toleranceMs: number;
  /** A body that is neither JSON nor a form is taken, as one text. */
  acceptText: boolean;
  /** Deliveries are refused, to be sent again later. */
  paused: boolean;
  /** Path to deliver to, e.g. `/hooks/orders`. */
  path: string;
  /** When it was made. */
  createdAt: Date;
  /** When it was changed last. */
  updatedAt: Date;
  /** Raised by every change of its content. */
  revision: number;
}

/** A webhook of the protocol as a plain object. */
export function toWebhookSnapshot(webhook: Webhook): WebhookSnapshot {
  const { id, name, description, secretEnv, storedSecrets, key, headers, maxBodyBytes, acceptText, paused, path } =
    webhook;
  return {
    ...{ id, name, description, storedSecrets, key, maxBodyBytes, acceptText, paused, path },
    scheme: nameOf(webhookChoices.scheme, webhook.scheme),
    ...(webhook.hmac && { hmac: toHmacSnapshot(webhook.hmac) }),
    secretEnv: [...secretEnv],
    headers: [...headers],
    toleranceMs: webhook.tolerance ? msFromDuration(webhook.tolerance) : 0,
    createdAt: dateOf(webhook.createdAt) ?? new Date(0),
    updatedAt: dateOf(webhook.updatedAt) ?? new Date(0),
    revision: Number(webhook.revision),
  };
}

function toHmacSnapshot(hmac: WebhookHmac): WebhookHmacOptions {
  const { signatureHeader, prefix, timestampHeader, idHeader, signed } = hmac;
  return {
    signatureHeader,
    ...(prefix && { prefix }),
    ...(hmac.hash && { hash: nameOf(webhookChoices.hash, hmac.hash) }),
    ...(hmac.encoding && { encoding: nameOf(webhookChoices.encoding, hmac.encoding) }),
    ...(timestampHeader && { timestampHeader }),
    ...(idHeader && { idHeader }),
    ...(signed && { signed }),
    ...(hmac.secretEncoding && { secretEncoding: nameOf(webhookChoices.secretEncoding, hmac.secretEncoding) }),
  };
}

function nameOf<Name extends string>(choices: Readonly<Record<Name, number>>, value: number): Name {
  const name = (Object.keys(choices) as Name[]).find((known) => choices[known] === value);
  // A choice of a newer server.
  return name ?? (String(value) as Name);
}
