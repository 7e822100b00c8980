import type { Delivery } from "./delivery.ts";
import { DeliveryRefusal } from "./delivery-refusal.ts";
import type { Webhook } from "./webhook.ts";

/** Deeper than anything that is sent, and far from where recursion over it would run out of stack. */
const MAX_DEPTH = 100;

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
  checkDepth(text);
  try {
    const value: unknown = JSON.parse(text);
    const hasMark = sent?.[0] === 0xef && sent[1] === 0xbb;
    return { value, json: sent && !hasMark ? sent : Buffer.from(text) };
  } catch {
    // Not told on, as the parser quotes what it read.
    throw new DeliveryRefusal("malformed", "its body is not JSON");
  }
}

/** Before it is parsed: what is nested by the hundred thousand costs memory, and recursion over it the program. */
function checkDepth(text: string): void {
  let depth = 0;
  let inText = false;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (inText) {
      if (code === BACKSLASH) i++;
      else if (code === QUOTE) inText = false;
    } else if (code === QUOTE) inText = true;
    else if (code === BRACKET || code === BRACE) depth++;
    else if (code === BRACKET + 2 || code === BRACE + 2) depth--;
    if (depth > MAX_DEPTH) throw new DeliveryRefusal("malformed", `its JSON is nested deeper than ${MAX_DEPTH}`);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const BRACKET = 0x5b;
const BRACE = 0x7b;

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
