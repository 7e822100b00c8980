import { SpanloomError } from "@spanloom/protocol";
import { inexpressiblePart } from "./inexpressible-part.ts";

/**
 * The payload codec: inputs and outputs travel as JSON in UTF-8, `undefined` as no bytes at all.
 *
 * Any language can read and write it, and `curl` needs only base64. What JSON cannot express is an error, with the path
 * of the offending value, never a silent change: bigint, NaN and infinities, half a surrogate pair, bytes, Map and Set,
 * functions, symbols and cycles, and what is nested deeper than 200 levels, which other languages cannot read. As in
 * JSON.stringify, Dates become ISO strings and properties that are `undefined` vanish.
 *
 * Source: conformance/vectors/payloads.json, which every language's client reads.
 */

const encoder = new TextEncoder();
// A byte order mark is no JSON: it stays, for JSON.parse to refuse.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const NOTHING = new Uint8Array(0);

/**
 * Encodes one payload; `owner` starts the message of the error, e.g. `cannot submit task "add"`.
 *
 * Errors: INVALID_FIELD when JSON cannot express the value; the message names where in it.
 */
export function encodePayload(value: unknown, owner: string): Uint8Array {
  if (value === undefined) return NOTHING;
  let text: string | undefined;
  try {
    const problem = inexpressiblePart(value);
    if (problem !== undefined) throw inexpressible(problem, owner, undefined);
    text = JSON.stringify(value);
  } catch (error) {
    if (error instanceof SpanloomError) throw error;
    // A getter or a toJSON method threw.
    throw inexpressible(error instanceof Error ? error.message : String(error), owner, error);
  }
  if (text === undefined) throw inexpressible("value is not data", owner, undefined);
  return encoder.encode(text);
}

/**
 * Decodes one payload; the type is the caller's claim, nothing is checked against it.
 *
 * Errors: INVALID_FIELD when the bytes are not JSON in UTF-8.
 */
export function decodePayload(bytes: Uint8Array, owner: string): unknown {
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(decoder.decode(bytes));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new SpanloomError(
      "INVALID_FIELD",
      `${owner}: its payload is not JSON in UTF-8: ${why}`,
      {},
      { cause: error },
    );
  }
}

function inexpressible(why: string, owner: string, cause: unknown): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `${owner}: its payload cannot be written as JSON: ${why}`, {}, { cause });
}
