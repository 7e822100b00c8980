import type { TextMatch } from "@spanloom/protocol";
import { type Parameters, queryError } from "./parameters.ts";

/** A condition that a text column matches. */
export function textMatchSql(column: string, match: TextMatch, field: string, parameters: Parameters): string {
  const { match: how } = match;
  if (how.case === undefined) throw queryError("INVALID_FIELD", field, "has none of exact, prefix, contains, regex");
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
