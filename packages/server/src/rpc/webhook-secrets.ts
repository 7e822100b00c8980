import { type WebhookSecret as SecretRequest, SpanloomError } from "@spanloom/protocol";
import { checkLimit, invalidField } from "../engine/field.ts";
import { quote } from "../engine/version.ts";
import { keyBytes, type SecretSources } from "../webhooks/read-secrets.ts";
import { keyIdOf, openSecret, type RandomBytes, sealSecret } from "../webhooks/sealed-secret.ts";
import type { Webhook, WebhookSecret } from "../webhooks/webhook.ts";
import type { WebhookDraft } from "./webhook-request.ts";

/** What secrets are sealed with. */
export interface SealOptions {
  secrets: SecretSources;
  random: RandomBytes;
}

const MAX_SECRETS = 4;
const MAX_SECRET_BYTES = 1_024;
/** Variables that the server itself is told by: a webhook that verifies with one would be a way to guess at it. */
const ownVariable = /^SPANLOOM_(?!WEBHOOK_)/;

/**
 * The secrets of a webhook as they are to be kept: those that were given, sealed, or else those it has.
 *
 * One that is kept already, sealed with the key that seals now, stays as it is, so that the same request again changes
 * nothing.
 *
 * Errors: INVALID_FIELD and LIMIT_EXCEEDED naming the field; INVALID_STATE when there is no key to seal with. None quotes
 * a secret.
 */
export function readSecretRequests(
  given: readonly SecretRequest[],
  draft: WebhookDraft,
  existing: Webhook | undefined,
  options: SealOptions,
): readonly WebhookSecret[] {
  const isNone = draft.signature.scheme === "none";
  checkLimit("secrets", given.length, MAX_SECRETS, "secrets");
  if (isNone && given.length > 0)
    throw invalidField("secrets", "is not empty, and with the scheme NONE nothing is checked");
  if (isNone) return [];
  const kept = existing?.secrets ?? [];
  if (given.length === 0 && kept.length === 0) throw invalidField("secrets", "is empty, needed to check signatures");
  if (given.length === 0) return kept;
  return given.map(({ secret }, i) => {
    const field = `secrets[${i}]`;
    if (secret.case === "env") return { env: readVariable(`${field}.env`, secret.value) };
    if (secret.case !== "value") throw invalidField(field, "is empty: give a value or the name of a variable");
    checkValue(`${field}.value`, secret.value, draft);
    return { sealed: seal(secret.value, draft.name, kept, options) };
  });
}

function readVariable(field: string, name: string): string {
  if (!/^[A-Za-z_]\w{0,127}$/.test(name))
    throw invalidField(field, `is ${quote(name)}, which is no name of a variable`);
  if (ownVariable.test(name))
    throw invalidField(field, `is ${quote(name)}, the server's own; name it SPANLOOM_WEBHOOK_... or otherwise`);
  return name;
}

function checkValue(field: string, value: string, { signature }: WebhookDraft): void {
  checkLimit(field, Buffer.byteLength(value), MAX_SECRET_BYTES, "bytes");
  const bytes = keyBytes(value, signature.scheme === "hmac" ? signature.secretEncoding : "text");
  if ("why" in bytes) throw invalidField(field, `cannot be used: ${bytes.why}`);
}

function seal(value: string, name: string, kept: readonly WebhookSecret[], { secrets, random }: SealOptions): string {
  const [key] = secrets.keys;
  if (!key) {
    const why = "the server has no key; set SPANLOOM_SECRET_KEY, or name a variable with `env`";
    throw new SpanloomError("INVALID_STATE", `cannot store a secret of webhook "${name}": ${why}`);
  }
  for (const each of kept) {
    if (!("sealed" in each) || keyIdOf(each.sealed) !== key.id) continue;
    const opened = openSecret(secrets.keys, name, each.sealed);
    if ("secret" in opened && opened.secret === value) return each.sealed;
  }
  return sealSecret(key, name, value, random);
}
