import { DeliveryRefusal } from "./delivery-refusal.ts";
import { openSecret } from "./sealed-secret.ts";
import type { SecretKey } from "./secret-key.ts";
import type { Webhook, WebhookSecret } from "./webhook.ts";

/** Where secrets are read from; given by the program. */
export interface SecretSources {
  keys: readonly SecretKey[];
  /** A variable of the server's environment. */
  environment: (name: string) => string | undefined;
}

/** A shorter one can be guessed by trying; an empty one signs for everybody. */
export const MIN_SECRET_BYTES = 8;

/** Secrets that can be used now, and why others cannot. */
export interface ReadSecrets {
  secrets: readonly Uint8Array[];
  /** For the log: names variables and keys, never a secret. */
  problems: readonly string[];
}

/** Reads the secrets of a webhook, as the bytes that sign. */
export function readSecrets({ name, signature, secrets }: Webhook, sources: SecretSources): ReadSecrets {
  const problems: string[] = [];
  const read = secrets.flatMap((secret, i) => {
    const text = readText(secret, name, sources);
    const bytes =
      "why" in text ? text : keyBytes(text.secret, signature.scheme === "hmac" ? signature.secretEncoding : "text");
    if (!("why" in bytes)) return [bytes];
    problems.push(`secret ${i + 1} cannot be used: ${bytes.why}`);
    return [];
  });
  return { secrets: read, problems };
}

function readText(secret: WebhookSecret, webhook: string, { keys, environment }: SecretSources) {
  if ("sealed" in secret) return openSecret(keys, webhook, secret.sealed);
  const text = environment(secret.env);
  return text ? { secret: text } : { why: `the server's environment has no ${secret.env}` };
}

/** The bytes that a secret's text stands for; refused when they are too few to be one. */
export function keyBytes(text: string, encoding: "text" | "base64" | "hex"): Uint8Array | { why: string } {
  const bytes = decode(text, encoding);
  if (!bytes) return { why: `it is not ${encoding}` };
  return bytes.length >= MIN_SECRET_BYTES
    ? bytes
    : { why: `it has ${bytes.length} bytes, fewer than ${MIN_SECRET_BYTES}` };
}

function decode(text: string, encoding: "text" | "base64" | "hex"): Uint8Array | undefined {
  if (encoding === "text") return Buffer.from(text);
  if (encoding === "hex") return /^([0-9a-f]{2})*$/i.test(text) ? Buffer.from(text, "hex") : undefined;
  const base64 = text.startsWith("whsec_") ? text.slice("whsec_".length) : text;
  return /^[0-9a-z+/_-]*={0,2}$/i.test(base64) ? Buffer.from(base64, "base64") : undefined;
}

/** Fails a delivery that no secret could verify while some could not be read. */
export function secretRefusal(problems: readonly string[]): DeliveryRefusal {
  return new DeliveryRefusal("secret", problems.join("; "));
}
