import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type AttributeFilter, AttributeFilterSchema, Comparison } from "@spanloom/protocol";
import type { AttributeConditions, AttributeOperand } from "./conditions.ts";
import { invalidField } from "./invalid.ts";

/**
 * Attribute conditions as the protocol's typed comparisons.
 *
 * The protocol compares a value with attributes of its own type only. A JavaScript number does not say which it is, so
 * it becomes two comparisons, one with integers and one with floating point, joined by or; NOT_EQUAL joins them by and.
 */

/** Alternatives, any of which satisfies one condition. */
export type Alternatives = readonly [AttributeFilter, ...AttributeFilter[]];

type FilterValue = MessageInitShape<typeof AttributeFilterSchema>["value"];

const comparisonOf = {
  eq: Comparison.EQUAL,
  ne: Comparison.NOT_EQUAL,
  lt: Comparison.LESS,
  lte: Comparison.LESS_OR_EQUAL,
  gt: Comparison.GREATER,
  gte: Comparison.GREATER_OR_EQUAL,
  contains: Comparison.CONTAINS,
} as const;

type Operator = keyof typeof comparisonOf;

const INT64_MIN = -(2n ** 63n);
const INT64_MAX = 2n ** 63n - 1n;

/**
 * Conditions by key as groups that must all hold; within a group any alternative will do.
 *
 * Errors: INVALID_FIELD for an unknown operator, a value of the wrong type, NaN, or an integer beyond 64 bits.
 */
export function attributeAlternatives(field: string, conditions: AttributeConditions): Alternatives[] {
  const all: Alternatives[] = [];
  for (const [key, condition] of Object.entries(conditions)) {
    if (condition === undefined) continue;
    const path = `${field}[${JSON.stringify(key)}]`;
    const operators = typeof condition === "object" && condition !== null ? condition : { eq: condition };
    for (const [operator, operand] of Object.entries(operators) as [string, unknown][]) {
      if (operand === undefined) continue;
      all.push(...comparisons({ key, operator, operand, path }));
    }
  }
  return all;
}

interface Term {
  key: string;
  operator: string;
  operand: unknown;
  path: string;
}

function comparisons({ key, operator, operand, path }: Term): Alternatives[] {
  if (operator === "exists") {
    if (operand !== true) throw invalidField(path, operand, 'is not allowed for "exists"; use true, or not: {...}');
    return [[create(AttributeFilterSchema, { key, comparison: Comparison.EXISTS })]];
  }
  if (!(operator in comparisonOf)) throw invalidField(path, operator, "is not an operator");
  const known = operator as Operator;
  if (known === "contains" && typeof operand !== "string") throw invalidField(path, operand, "is not text");
  const make = (value: FilterValue, comparison: Comparison = comparisonOf[known]): AttributeFilter =>
    create(AttributeFilterSchema, { key, comparison, ...(value && { value }) });
  if (typeof operand !== "number") return [[make(typedValue(operand, path))]];
  const alternatives = numericAlternatives(known, operand, path, make);
  return known === "ne" ? alternatives.map((filter): Alternatives => [filter]) : [alternatives];
}

function typedValue(operand: unknown, path: string): FilterValue {
  switch (typeof operand as string) {
    case "string":
      return { case: "stringValue", value: operand as string };
    case "boolean":
      return { case: "boolValue", value: operand as boolean };
    case "bigint":
      if ((operand as bigint) < INT64_MIN || (operand as bigint) > INT64_MAX)
        throw invalidField(path, operand, "is not a 64-bit integer");
      return { case: "intValue", value: operand as bigint };
    default:
      throw invalidField(path, operand as AttributeOperand, "is not a string, number, bigint or boolean");
  }
}

/** The integer bound that is equivalent to comparing an integer with a fraction. */
const toIntegerBound = { lt: Math.ceil, lte: Math.floor, gt: Math.floor, gte: Math.ceil } as const;

function numericAlternatives(
  operator: Operator,
  operand: number,
  path: string,
  make: (value: FilterValue, comparison?: Comparison) => AttributeFilter,
): Alternatives {
  if (Number.isNaN(operand)) throw invalidField(path, operand, "is not a number");
  const double = make({ case: "doubleValue", value: operand });
  const bound = operator in toIntegerBound ? toIntegerBound[operator as keyof typeof toIntegerBound](operand) : operand;
  const integer = Number.isInteger(bound) ? BigInt(bound) : undefined;
  if (integer !== undefined && integer >= INT64_MIN && integer <= INT64_MAX)
    return [make({ case: "intValue", value: integer }), double];
  // Beyond all integers: each of them is on the right side of it, or none.
  const all = bound > 0 ? ({ lt: INT64_MAX, lte: INT64_MAX } as const) : ({ gt: INT64_MIN, gte: INT64_MIN } as const);
  const edge = (all as Partial<Record<Operator, bigint>>)[operator];
  if (edge === undefined) return [double];
  const inclusive = edge > 0n ? Comparison.LESS_OR_EQUAL : Comparison.GREATER_OR_EQUAL;
  return [make({ case: "intValue", value: edge }, inclusive), double];
}
