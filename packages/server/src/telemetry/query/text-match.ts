import type { TextMatch } from "@spanloom/protocol";
import { type Parameters, queryError, queryLimitError } from "./parameters.ts";

/** RE2 takes time in proportion to text and expression, and to compile: 1.6 s for one of 250,000 characters. */
const MAX_REGEX_LENGTH = 4_096;

/** A condition that a text column matches. */
export function textMatchSql(column: string, match: TextMatch, field: string, parameters: Parameters): string {
  const { match: how } = match;
  if (how.case === undefined) throw queryError("INVALID_FIELD", field, "has none of exact, prefix, contains, regex");
  if (how.case === "regex" && how.value.length > MAX_REGEX_LENGTH) {
    const facts = { limit: MAX_REGEX_LENGTH, actual: how.value.length };
    throw queryLimitError(field, `is a regex of ${facts.actual} characters, more than ${facts.limit}`, facts);
  }
  const value = parameters.bind("String", how.value);
  switch (how.case) {
    case "exact":
      return `${column} = ${value}`;
    case "prefix":
      return `startsWith(${column}, ${value})`;
    case "contains":
      return `position(${column}, ${value}) > 0`;
    case "regex":
      return `match(${column}, ${value})`;
  }
}
