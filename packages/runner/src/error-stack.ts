import { inspect, types } from "node:util";

/** Whether a value is an error, of this realm or another: tests and sandboxes run code in a realm of its own. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

/** Errors told of at most: chains may be cyclic, and hundreds may have failed together. */
const MAX_ERRORS = 16;

/**
 * The stack of an error, then what led to it: its cause, the errors of an AggregateError, both of a SuppressedError,
 * and theirs in turn. A cause that is no error is told as text.
 *
 * Errors: whatever a hostile getter throws.
 */
export function errorStack(error: Error): string {
  const seen = new Set<unknown>([error]);
  const parts: string[] = [];
  const add = (label: string, thrown: unknown): void => {
    if (seen.has(thrown) || parts.length >= MAX_ERRORS) return;
    if (typeof thrown === "object") seen.add(thrown);
    parts.push(label + (isError(thrown) ? ownStack(thrown) : inspect(thrown, { depth: 2 })));
    if (isError(thrown)) addOrigins(thrown, add);
  };
  parts.push(ownStack(error));
  addOrigins(error, add);
  return parts.join("\n");
}

/** Not its `toString`, which may be anything; an error without a stack has a name and a message. */
function ownStack(error: Error): string {
  return String(error.stack || `${error.name}: ${error.message}`);
}

function addOrigins(error: Error, add: (label: string, thrown: unknown) => void): void {
  if (error.cause !== undefined) add("Caused by: ", error.cause);
  const { errors, suppressed, error: latest } = error as { errors?: unknown; suppressed?: unknown; error?: unknown };
  if (Array.isArray(errors)) for (const [i, each] of errors.entries()) add(`${i + 1} of ${errors.length}: `, each);
  if (error.name !== "SuppressedError") return;
  add("Thrown: ", latest);
  add("Suppressed: ", suppressed);
}
