/**
 * A webhook: how what others post to `/hooks/{name}` is verified and becomes an event.
 *
 * Source: docs/webhooks.md.
 */

/** A webhook as it is kept. */
export interface Webhook {
  /** The last part of the path it is posted to. */
  name: string;
  /** What it is for. */
  description: string;
  signature: SignatureScheme;
  /** Any of them may have signed: while one is replaced by another both are accepted. Empty for the scheme `none`. */
  secrets: readonly WebhookSecret[];
  /** How far a signed timestamp may be from now, either way. */
  toleranceMs: number;
  /** Template of the event's key: text, `{name}`, `{header.<name>}` and `{payload.<path>}`. */
  eventKey: string;
  maxBodyBytes: number;
  /** Whether a body that is neither JSON nor a form is taken as a string; it is refused otherwise. */
  acceptText: boolean;
  /** Headers that become the event's metadata, in lower case. */
  headers: readonly string[];
  /** Whether deliveries are refused, to be sent again later. */
  isPaused: boolean;
}

/** How a delivery is signed. `none` is chosen, never assumed. */
export type SignatureScheme =
  | { scheme: "none" }
  | { scheme: "github" }
  | { scheme: "stripe" }
  | ({ scheme: "hmac" } & HmacSignature);

/** An HMAC in a header of choice. */
export interface HmacSignature {
  /** The header that holds it, or several with spaces between. */
  header: string;
  hash: SignatureHash;
  /** Text before each signature, e.g. `sha256=`. */
  prefix: string;
  encoding: "hex" | "base64";
  /** What is signed: text, `{body}`, `{timestamp}` and `{id}`. */
  signed: string;
  /** Header of the time of signing, in seconds since 1970, or milliseconds when it has 13 digits. */
  timestampHeader?: string;
  /** Header of the delivery's id, which is the same when it is sent again. */
  idHeader?: string;
  /** What the text of a secret stands for; `whsec_` before base64 is no part of it. */
  secretEncoding: "text" | "base64" | "hex";
}

/** Hashes of HMACs; SHA-1 and MD5 are not among them. */
export const signatureHashes = ["sha256", "sha384", "sha512"] as const;

/** One of {@link signatureHashes}. */
export type SignatureHash = (typeof signatureHashes)[number];

/** A secret as it is kept: the name of a variable of the server's environment, or sealed. */
export type WebhookSecret = { env: string } | { sealed: string };
