import { SpanloomError } from "@spanloom/protocol";

/**
 * An INVALID_FIELD error found before anything was sent: `cannot query: <field> <problem>`.
 *
 * `value` is quoted in the message, cut to 100 characters.
 */
export function invalidField(field: string, value: unknown, problem: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot query: ${field} ${quote(value)} ${problem}`, { field });
}

function quote(value: unknown): string {
  const text = typeof value === "string" ? `"${value}"` : describe(value);
  return text.length > 100 ? `${text.slice(0, 99)}…` : text;
}

function describe(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Date) return `Date(${value.getTime()})`;
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === "bigint" ? String(inner) : inner));
}
