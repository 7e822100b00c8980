import type { AttributeCondition, AttributeOperand, SpanConditions } from "@spanloom/query";

const operators = { "!=": "ne", ">=": "gte", "<=": "lte", "=": "eq", ">": "gt", "<": "lt", "~": "contains" } as const;

/**
 * Conditions on attributes with commas between: `key=value`, `key!=value`, `key>1`, `key~part`, `key` where it is there
 * and `!key` where it is not.
 *
 * A value that reads as a number, `true` or `false` is looked for as that and as text; in double quotes, which may hold
 * commas, as text alone.
 * Errors: Error with what is wrong, for the one who typed it.
 */
export function attributeConditions(text: string): SpanConditions[] {
  return splitConditions(text).map((part) => {
    if (part.startsWith("!") && part.length > 1) return { not: { attributes: { [part.slice(1)]: { exists: true } } } };
    const [, key = "", sign, rest = ""] = /^([^=<>~!]+)(?:\s*(!=|>=|<=|=|>|<|~)\s*(.*))?$/s.exec(part) ?? [];
    if (key.trim() === "") throw new Error(`“${part}” is no condition: write key=value, key>5, key, or !key`);
    return sign === undefined
      ? { attributes: { [key.trim()]: { exists: true } } }
      : compared(key.trim(), operators[sign as keyof typeof operators], rest.trim());
  });
}

function compared(key: string, operator: (typeof operators)[keyof typeof operators], text: string): SpanConditions {
  const quoted = /^".*"$/s.test(text) && text.length > 1;
  const plain = quoted ? text.slice(1, -1).replaceAll('\\"', '"') : text;
  const one = (operand: AttributeOperand): SpanConditions => ({
    attributes: { [key]: { [operator]: operand } as AttributeCondition },
  });
  const typed = quoted || operator === "contains" ? undefined : typedValue(plain);
  if (typed === undefined) return one(plain);
  if (operator === "eq") return { or: [one(typed), one(plain)] };
  return operator === "ne" ? { and: [one(typed), one(plain)] } : one(typed);
}

function typedValue(text: string): number | bigint | boolean | undefined {
  if (text === "true" || text === "false") return text === "true";
  if (!/^-?(\d|\.\d)/.test(text) || !Number.isFinite(Number(text))) return undefined;
  return /^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text)) ? BigInt(text) : Number(text);
}

/** Writes one condition so that {@link attributeConditions} reads it: equal to a value, or absent. */
export function attributeText(key: string, value: string | null): string {
  if (value === null) return `!${key}`;
  const bare = value !== "" && value === value.trim() && !/[",]/.test(value);
  return `${key}=${bare ? value : `"${value.replaceAll('"', '\\"')}"`}`;
}

/** Conditions with commas between, one by one; commas within double quotes separate nothing. */
export function splitConditions(text: string): string[] {
  const parts = text.match(/(?:"(?:\\"|[^"])*"|[^,"]|")+/g) ?? [];
  return parts.map((part) => part.trim()).filter((part) => part !== "");
}

const units = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/** A length of time in milliseconds, of a text such as `250ms` or `1.5s`; a bare number is milliseconds. Errors: Error. */
export function durationMs(text: string): number {
  const [, digits = "", unit = "ms"] = /^\s*(\d+(?:\.\d+)?)\s*(ns|us|µs|ms|s|m|h|d)?\s*$/.exec(text) ?? [];
  if (digits === "") throw new Error(`“${text}” is no length of time: write 250ms, 1.5s or 2m`);
  // To the nanosecond: what is written with three digits of a microsecond is meant so.
  return Math.round(Number(digits) * units[unit as keyof typeof units] * 1e6) / 1e6;
}
