import { type AttributeFilter, Comparison } from "@spanloom/protocol";
import { type Parameters, queryError } from "./parameters.ts";

/** Maps of a table in which attributes are looked up. */
export interface AttributeMaps {
  values: string;
  types: string;
}

const operators: Partial<Record<Comparison, string>> = {
  [Comparison.UNSPECIFIED]: "=",
  [Comparison.EQUAL]: "=",
  [Comparison.NOT_EQUAL]: "!=",
  [Comparison.LESS]: "<",
  [Comparison.LESS_OR_EQUAL]: "<=",
  [Comparison.GREATER]: ">",
  [Comparison.GREATER_OR_EQUAL]: ">=",
};

/**
 * A condition on an attribute: compared as the type given, and only with values of that type.
 *
 * NOT_EQUAL holds for an attribute that is present with another value or another type.
 */
export function attributeSql(
  filter: AttributeFilter,
  maps: AttributeMaps,
  { field, parameters }: { field: string; parameters: Parameters },
): string {
  const key = parameters.bind("String", filter.key);
  const present = `mapContains(${maps.values}, ${key})`;
  const { comparison, value } = filter;
  if (comparison === Comparison.EXISTS) return present;
  if (value.case === undefined)
    throw queryError("INVALID_FIELD", `${field}.value`, `is absent for key "${filter.key}"`);
  const typed = typedComparison(filter, `${maps.values}[${key}]`, { field, parameters });
  const rightType = `${maps.types}[${key}] = '${typeNames[value.case]}'`;
  if (comparison === Comparison.NOT_EQUAL) return `(${present} AND NOT (${rightType} AND ${typed}))`;
  return `(${present} AND ${rightType} AND ${typed})`;
}

const typeNames = { stringValue: "", intValue: "int", doubleValue: "double", boolValue: "bool" } as const;

/** Comparison of a present value of the right type; for NOT_EQUAL the equality to be denied. */
function typedComparison(
  { comparison, value }: AttributeFilter,
  column: string,
  { field, parameters }: { field: string; parameters: Parameters },
): string {
  if (comparison === Comparison.CONTAINS) {
    if (value.case !== "stringValue") throw queryError("INVALID_FIELD", `${field}.value`, "is not text for CONTAINS");
    return `position(${column}, ${parameters.bind("String", value.value)}) > 0`;
  }
  const operator = comparison === Comparison.NOT_EQUAL ? "=" : operators[comparison];
  if (operator === undefined)
    throw queryError("INVALID_FIELD", `${field}.comparison`, `is ${comparison}, which is unknown`);
  switch (value.case) {
    case "stringValue":
      return `${column} ${operator} ${parameters.bind("String", value.value)}`;
    case "intValue":
      return `toInt64OrNull(${column}) ${operator} ${parameters.bind("Int64", value.value)}`;
    case "doubleValue":
      if (!Number.isFinite(value.value)) throw queryError("INVALID_FIELD", `${field}.value`, `is ${value.value}`);
      // As text: chDB takes no number that is whole and beyond 2^53.
      return `toFloat64OrNull(${column}) ${operator} ${parameters.bind("Float64", String(value.value))}`;
    case "boolValue":
      if (operator !== "=") throw queryError("INVALID_FIELD", `${field}.comparison`, "orders booleans");
      return `${column} = '${value.value ? "true" : "false"}'`;
    default:
      throw queryError("INVALID_FIELD", `${field}.value`, "is absent");
  }
}
