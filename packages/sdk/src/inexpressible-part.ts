/** Levels of arrays and objects: readers of other languages end somewhere beyond. */
const MAX_DEPTH = 200;

/**
 * The first part of a value that JSON cannot express, as text for people, e.g. `value.rows[0].id is a bigint (1n)`.
 *
 * Looked for before writing, as JSON.stringify leaves most of it out, or writes null, without a word. What a `toJSON`
 * method gives is not looked at.
 *
 * Shape: undefined when all of it can be expressed.
 * Errors: what a getter throws.
 */
export function inexpressiblePart(value: unknown): string | undefined {
  const found = look(value, []);
  return found && `value${found.path} ${found.problem}`;
}

/** What was found; the path grows at its front on the way back, so that what is fine costs none. */
interface Finding {
  path: string;
  problem: string;
}

function look(value: unknown, ancestors: object[]): Finding | undefined {
  if (typeof value === "object" && value !== null) return lookAtObject(value, ancestors);
  const problem = problemOfScalar(value);
  return problem === undefined ? undefined : { path: "", problem };
}

function lookAtObject(value: object, ancestors: object[]): Finding | undefined {
  const problem = problemOfObject(value, ancestors);
  if (problem !== undefined) return { path: "", problem };
  if ("toJSON" in value && typeof value.toJSON === "function") return undefined;
  ancestors.push(value);
  const found = Array.isArray(value) ? lookAtItems(value, ancestors) : lookAtEntries(value, ancestors);
  ancestors.pop();
  return found;
}

function lookAtItems(items: readonly unknown[], ancestors: object[]): Finding | undefined {
  for (let index = 0; index < items.length; index++) {
    const found = look(items[index], ancestors);
    if (found) return { ...found, path: `[${index}]${found.path}` };
  }
  return undefined;
}

function lookAtEntries(value: object, ancestors: object[]): Finding | undefined {
  for (const key of Object.keys(value)) {
    if (!key.isWellFormed()) return { path: "", problem: `has a key with ${HALF_A_PAIR}` };
    const found = look((value as Record<string, unknown>)[key], ancestors);
    if (found) return { ...found, path: `.${key}${found.path}` };
  }
  return undefined;
}

const HALF_A_PAIR = "half a surrogate pair, which UTF-8 cannot hold";

function problemOfScalar(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? undefined : `is text with ${HALF_A_PAIR}`;
    case "number":
      return Number.isFinite(value) ? undefined : `is ${value}, which JSON has no number for`;
    case "bigint":
      return `is a bigint (${value}n)`;
    case "function":
    case "symbol":
      return `is a ${typeof value}, which is not data`;
    default:
      return undefined;
  }
}

function problemOfObject(value: object, ancestors: readonly object[]): string | undefined {
  if (ancestors.includes(value)) return "refers back to a value that contains it";
  if (ancestors.length >= MAX_DEPTH) return `is nested deeper than ${MAX_DEPTH} levels`;
  if (Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype) return undefined;
  if (ArrayBuffer.isView(value) || value instanceof ArrayBuffer)
    return `is a ${value.constructor.name}, which JSON has no form for; send text, e.g. base64`;
  if (value instanceof Map || value instanceof Set || value instanceof Promise || value instanceof RegExp)
    return `is a ${value.constructor.name}, which JSON has no form for`;
  return value instanceof Date && Number.isNaN(value.getTime()) ? "is an invalid Date" : undefined;
}
