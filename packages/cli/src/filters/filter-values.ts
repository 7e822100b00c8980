import type { AttributeCondition, AttributeConditions } from "@spanloom/query";
import { UsageError } from "../cli-context.ts";
import { parseDuration } from "../text/duration-text.ts";

/** How texts to look for are written; for the help of commands. */
export const textForms = "text that it contains, =all of it, ^its beginning, or /a regular expression/";

/** How conditions on attributes are written; for the help of commands. */
export const attributeForms = 'key=value, key!=value, key>1, key<=2, key~"part", or key alone: it is there';

const operators = { "!=": "ne", ">=": "gte", "<=": "lte", "=": "eq", ">": "gt", "<": "lt", "~": "contains" } as const;

/**
 * A condition on one attribute: `key`, `key=value`, `key!=value`, `key>1`, `key~part`. A value is a number, `true` or
 * `false` if it reads like one, else text; in double quotes it is text always.
 *
 * Errors: UsageError.
 */
export function attributeCondition(flag: string): (text: string) => AttributeConditions {
  return (text) => {
    const [, key = "", sign, value = ""] = /^(.*?)(?:(!=|>=|<=|=|>|<|~)(.*))?$/s.exec(text) ?? [];
    if (key === "") throw new UsageError(`cannot use ${flag} "${text}": it must be ${attributeForms}`);
    if (sign === undefined) return { [key]: { exists: true } };
    const name = operators[sign as keyof typeof operators];
    return { [key]: { [name]: name === "contains" ? unquoted(value) : operand(value) } as AttributeCondition };
  };
}

function operand(text: string): string | number | bigint | boolean {
  if (text === "true" || text === "false") return text === "true";
  if (/^-?\d+$/.test(text) && !Number.isSafeInteger(Number(text))) return BigInt(text);
  return text.trim() !== "" && /^-?[\d.]/.test(text) && Number.isFinite(Number(text)) ? Number(text) : unquoted(text);
}

function unquoted(text: string): string {
  return text.length > 1 && text.startsWith('"') && text.endsWith('"') ? text.slice(1, -1) : text;
}

/** A point in time: ISO 8601, `now`, or a duration such as `2h`, which means so long ago. Errors: UsageError. */
export function timePoint(text: string, flag: string, nowMs: number): Date {
  if (text === "now") return new Date(nowMs);
  if (/^[\d.]+(ms|s|m|h|d)$/.test(text)) return new Date(nowMs - parseDuration(text, flag));
  const time = new Date(text);
  if (Number.isNaN(time.getTime()))
    throw new UsageError(
      `cannot use ${flag} "${text}": it must be a time such as 2030-01-31T09:00:00Z, or 2h for 2 h ago`,
    );
  return time;
}

/** A list separated by commas, added to those given before. For commander's repeatable options. */
export function appendList(text: string, before: readonly string[] = []): string[] {
  return [...before, ...text.split(",").map((part) => part.trim())];
}

/** Adds what `parse` makes of a text to what was given before. For commander's repeatable options. */
export function append<Value>(parse: (text: string) => Value): (text: string, before?: readonly Value[]) => Value[] {
  return (text, before = []) => [...before, parse(text)];
}
