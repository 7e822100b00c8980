import { SpanloomError } from "@spanloom/protocol";

/**
 * The payload codec: inputs and outputs travel as JSON in UTF-8, `undefined` as no bytes at all.
 *
 * Any language can read and write it, and `curl` needs only base64. What JSON cannot express is an error, with the path
 * of the offending value, never a silent change: bigint, cycles, functions and symbols. As in JSON.stringify, Dates
 * become ISO strings, properties that are `undefined` vanish, and NaN becomes null.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });
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
    text = JSON.stringify(value);
  } catch (error) {
    throw inexpressible(findProblem(value) ?? (error instanceof Error ? error.message : String(error)), owner, error);
  }
  if (text === undefined) throw inexpressible(`a ${typeof value} is not data`, owner, undefined);
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

/** Where JSON.stringify failed; undefined when a toJSON method or a getter threw. */
function findProblem(root: unknown): string | undefined {
  const ancestors: object[] = [];
  const visit = (value: unknown, path: string): string | undefined => {
    if (typeof value === "bigint") return `${path} is a bigint (${value}n)`;
    if (typeof value !== "object" || value === null || "toJSON" in value) return undefined;
    if (ancestors.includes(value)) return `${path} refers back to a value that contains it`;
    ancestors.push(value);
    for (const [key, child] of Object.entries(value)) {
      const problem = visit(child, Array.isArray(value) ? `${path}[${key}]` : `${path}.${key}`);
      if (problem) return problem;
    }
    ancestors.pop();
    return undefined;
  };
  return visit(root, "value");
}
