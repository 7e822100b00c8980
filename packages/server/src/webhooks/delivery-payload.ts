import { isNestedTooDeep, MAX_JSON_DEPTH } from "../engine/json-depth.ts";
import type { Delivery } from "./delivery.ts";
import { DeliveryRefusal } from "./delivery-refusal.ts";
import type { Webhook } from "./webhook.ts";

/** A body that was understood. */
export interface Payload {
  value: unknown;
  /** The same as JSON in UTF-8: a body that is JSON as it was sent, so that long numbers keep their digits. */
  json: Uint8Array;
}

/**
 * Reads a body by its content type: JSON; a form, as an object of texts, with lists where a key is there twice; anything
 * else as one text, where the webhook takes that.
 *
 * GitHub may be told to send a form, which then holds the JSON in its field `payload`.
 *
 * Errors: DeliveryRefusal `unsupported` for other content types and character sets; `malformed` for what is not of its
 * type, not UTF-8 or nested too deep.
 */
export function readPayload({ headers, body }: Delivery, { signature, acceptText }: Webhook): Payload {
  const { type, charset } = contentType(headers.one("content-type") ?? "");
  if (charset !== "utf-8" && charset !== "utf8" && charset !== "us-ascii")
    throw new DeliveryRefusal("unsupported", "its character set is not UTF-8");
  if (type === "application/json" || /^[a-z]+\/[\w.-]+\+json$/.test(type)) return readJson(readText(body), body);
  if (type === "application/x-www-form-urlencoded") {
    const form = readForm(readText(body));
    const nested = form.get("payload");
    if (signature.scheme === "github" && typeof nested === "string") return readJson(nested);
    return asJson(Object.fromEntries(form));
  }
  if (acceptText) return asJson(readText(body));
  throw new DeliveryRefusal("unsupported", "its content type is neither JSON nor a form");
}

function contentType(header: string): { type: string; charset: string } {
  const [type = "", ...parameters] = header.toLowerCase().split(";");
  const charset = parameters.map((each) => /^\s*charset\s*=\s*"?([^"\s]*)"?\s*$/.exec(each)?.[1]).find(Boolean);
  return { type: type.trim(), charset: charset ?? "utf-8" };
}

function readText(body: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(body);
  } catch (cause) {
    throw new DeliveryRefusal("malformed", "its body is not UTF-8", { cause });
  }
}

function readJson(text: string, sent?: Uint8Array): Payload {
  if (isNestedTooDeep(text)) throw new DeliveryRefusal("malformed", `its JSON is nested deeper than ${MAX_JSON_DEPTH}`);
  try {
    const value: unknown = JSON.parse(text);
    const hasMark = sent?.[0] === 0xef && sent[1] === 0xbb;
    return { value, json: sent && !hasMark ? sent : Buffer.from(text) };
  } catch {
    // Not told on, as the parser quotes what it read.
    throw new DeliveryRefusal("malformed", "its body is not JSON");
  }
}

function readForm(text: string): Map<string, string | string[]> {
  const form = new Map<string, string | string[]>();
  for (const [key, value] of new URLSearchParams(text)) {
    const known = form.get(key);
    if (known === undefined) form.set(key, value);
    else if (typeof known === "string") form.set(key, [known, value]);
    else known.push(value);
  }
  return form;
}

function asJson(value: unknown): Payload {
  return { value, json: Buffer.from(JSON.stringify(value)) };
}
