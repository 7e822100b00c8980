import { create } from "@bufbuild/protobuf";
import {
  durationFromMs,
  type PutWebhookRequest,
  PutWebhookRequestSchema,
  SpanloomError,
  WebhookEncoding,
  WebhookHash,
  WebhookHmacSchema,
  WebhookScheme,
  WebhookSecretEncoding,
  WebhookSecretSchema,
} from "@spanloom/protocol";
import { type DurationValue, durationMs } from "../duration.ts";

/** A secret that deliveries are signed with: a text stored encrypted, or the name of a variable in every server's environment. */
export type WebhookSecretOptions = { value: string; env?: never } | { env: string; value?: never };

/** Where signature, time and id of a delivery stand, for the scheme `hmac`. */
export interface WebhookHmacOptions {
  /** Header of the signature, e.g. `X-Signature`. */
  signatureHeader: string;
  /** What stands before the signature in it, e.g. `sha256=`. Default nothing. */
  prefix?: string;
  /** Hash. Default `sha256`. */
  hash?: "sha256" | "sha384" | "sha512";
  /** How the signature is written. Default `hex`. */
  encoding?: "hex" | "base64";
  /** Header of the time in seconds since 1970, or milliseconds when it has 13 digits. It must be signed. */
  timestampHeader?: string;
  /** Header of what names a delivery, the same when it is repeated. Default: the same signed bytes are one delivery. */
  idHeader?: string;
  /** What is signed, with `{body}`, `{timestamp}` and `{id}`. Default `{body}`, with a time `{timestamp}.{body}`. */
  signed?: string;
  /** What the text of a secret stands for. Default `text`: its own bytes. */
  secretEncoding?: "text" | "hex" | "base64";
}

/** How deliveries prove where they come from. Not to check is to be chosen: `none`. */
export type WebhookProof =
  | { scheme: "none"; hmac?: never; secrets?: never }
  | { scheme: "github" | "stripe"; hmac?: never; secrets?: readonly WebhookSecretOptions[] }
  | { scheme: "hmac"; hmac: WebhookHmacOptions; secrets?: readonly WebhookSecretOptions[] };

/**
 * A webhook to make or change.
 *
 * Of its at most four secrets any may have signed. Without `secrets`, a webhook that is there keeps those it has.
 */
export type WebhookOptions = WebhookProof & {
  /** Name: letters, digits, `-`, `_`, `.`; 1..128 of them. Deliveries go to `/hooks/{name}`. */
  name: string;
  /** What it is for, at most 4 KiB. */
  description?: string;
  /**
   * Key of its events: text with `{name}`, `{header.<name>}` and `{payload.<path>}`. Default `webhook.{name}`; GitHub's event
   * and action and Stripe's type follow as segments.
   */
  key?: string;
  /** Headers that become metadata, at most 32. */
  headers?: readonly string[];
  /** Most bytes of a body. Default 1 MiB. */
  maxBodyBytes?: number;
  /** How far a delivery's time may lie off, where it has one, 1 s..1 day. Default 5 min. */
  tolerance?: DurationValue;
  /** Take a body that is neither JSON nor a form as one text. Default false: it is refused. */
  acceptText?: boolean;
  /** Refuse deliveries with 503, to be sent again later. Default false. */
  paused?: boolean;
};

/** Choices by their names here. */
export const webhookChoices = {
  scheme: {
    none: WebhookScheme.NONE,
    hmac: WebhookScheme.HMAC,
    github: WebhookScheme.GITHUB,
    stripe: WebhookScheme.STRIPE,
  },
  hash: { sha256: WebhookHash.SHA256, sha384: WebhookHash.SHA384, sha512: WebhookHash.SHA512 },
  encoding: { hex: WebhookEncoding.HEX, base64: WebhookEncoding.BASE64 },
  secretEncoding: {
    text: WebhookSecretEncoding.TEXT,
    hex: WebhookSecretEncoding.HEX,
    base64: WebhookSecretEncoding.BASE64,
  },
} as const;

/** The request that makes or changes a webhook. Errors: INVALID_FIELD naming the field; no message quotes a secret. */
export function toPutWebhook(options: WebhookOptions): PutWebhookRequest {
  const { name, description = "", key = "", headers = [], maxBodyBytes = 0, tolerance, secrets = [], hmac } = options;
  const { acceptText = false, paused = false } = options;
  const owner = `cannot put webhook "${name}"`;
  return create(PutWebhookRequestSchema, {
    ...{ name, description, key, headers: [...headers], maxBodyBytes, acceptText, paused },
    scheme: choose("scheme", options.scheme, owner),
    ...(hmac && { hmac: toHmac(hmac, owner) }),
    secrets: secrets.map((secret, index) => toSecret(secret, { owner, field: `secrets[${index}]` })),
    ...(tolerance !== undefined && { tolerance: durationFromMs(durationMs(tolerance, { owner, field: "tolerance" })) }),
  });
}

function toHmac(hmac: WebhookHmacOptions, owner: string) {
  const { signatureHeader, prefix = "", timestampHeader = "", idHeader = "", signed = "" } = hmac;
  return create(WebhookHmacSchema, {
    ...{ signatureHeader, prefix, timestampHeader, idHeader, signed },
    ...(hmac.hash !== undefined && { hash: choose("hash", hmac.hash, owner) }),
    ...(hmac.encoding !== undefined && { encoding: choose("encoding", hmac.encoding, owner) }),
    ...(hmac.secretEncoding !== undefined && {
      secretEncoding: choose("secretEncoding", hmac.secretEncoding, owner),
    }),
  });
}

function toSecret({ value, env }: WebhookSecretOptions, { owner, field }: { owner: string; field: string }) {
  if (typeof value === "string" && env === undefined)
    return create(WebhookSecretSchema, { secret: { case: "value", value } });
  if (typeof env === "string" && value === undefined)
    return create(WebhookSecretSchema, { secret: { case: "env", value: env } });
  const message = `${owner}: ${field} must have either a value or the name of a variable in env, as text`;
  throw new SpanloomError("INVALID_FIELD", message, { field });
}

type Choices = typeof webhookChoices;

function choose<Kind extends keyof Choices, Name extends keyof Choices[Kind]>(
  kind: Kind,
  name: Name,
  owner: string,
): Choices[Kind][Name] {
  const known = Object.hasOwn(webhookChoices[kind], name) ? webhookChoices[kind][name] : undefined;
  if (known !== undefined) return known;
  const names = Object.keys(webhookChoices[kind]).join(", ");
  const message = `${owner}: ${kind} is "${String(name)}", must be one of ${names}`;
  throw new SpanloomError("INVALID_FIELD", message, { field: kind });
}
