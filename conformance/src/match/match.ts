import { isJsonObject, type Json, type Template } from "../cases/template.ts";
import { evaluate, valueTags } from "./evaluate.ts";
import { matcherFor, matcherNames } from "./matchers.ts";
import { type At, firstOf, inField, inIndex, type Mismatch, mismatch } from "./mismatch.ts";
import { interpolate, type Scope } from "./scope.ts";

/** Tags that may stand in expectations. */
export const expectationTags: ReadonlySet<string> = new Set([...matcherNames, ...valueTags]);

/**
 * Compares an answer with what a case file expects; undefined when it fits.
 *
 * Maps are matched by the fields that are expected, others may be there. Lists must have as many entries, in order. A whole
 * number fits the text that protobuf's JSON writes a 64-bit number as; null fits an absent value.
 */
export function match(expected: Template, actual: Json | undefined, scope: Scope): Mismatch | undefined {
  return matchAt(expected, actual, { scope, path: "" });
}

/** Compares as `match` does, at a path. */
function matchAt(expected: Template, actual: Json | undefined, at: At): Mismatch | undefined {
  switch (expected.kind) {
    case "value":
      return matchValue(
        typeof expected.value === "string" ? interpolate(expected.value, at.scope) : expected.value,
        actual,
        at,
      );
    case "list":
      return matchList(expected.items, actual, at);
    case "map":
      return matchMap(expected.entries, actual, at);
    case "tag": {
      const matcher = matcherFor(expected.tag);
      if (matcher) return matcher({ argument: expected.argument, actual, at, compare: matchAt });
      return matchValue(evaluate(expected, at.scope), actual, at);
    }
  }
}

/** Values of variables and made ones: a map by its fields, all else must be equal. */
function matchValue(expected: Json, actual: Json | undefined, at: At): Mismatch | undefined {
  if (isJsonObject(expected)) {
    if (!isJsonObject(actual)) return mismatch(at, "a map", actual);
    return firstOf(Object.entries(expected), ([name, value]) =>
      matchValue(value ?? null, actual[name], inField(at, name)),
    );
  }
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual) || actual.length !== expected.length)
      return mismatch(at, `a list of ${expected.length}`, actual);
    return firstOf([...expected.entries()], ([index, value]) => matchValue(value, actual[index], inIndex(at, index)));
  }
  return equal(expected, actual) ? undefined : mismatch(at, JSON.stringify(expected), actual);
}

function equal(expected: string | number | boolean | null, actual: Json | undefined): boolean {
  if (expected === null) return actual === undefined || actual === null;
  return typeof expected === "number" && typeof actual === "string" ? String(expected) === actual : expected === actual;
}

function matchList(items: readonly Template[], actual: Json | undefined, at: At): Mismatch | undefined {
  if (!Array.isArray(actual)) return mismatch(at, "a list", actual);
  if (actual.length !== items.length)
    return mismatch(at, `a list of ${items.length}`, actual.length > 3 ? `a list of ${actual.length}` : actual);
  return firstOf([...items.entries()], ([index, item]) => matchAt(item, actual[index], inIndex(at, index)));
}

function matchMap(entries: ReadonlyMap<string, Template>, actual: Json | undefined, at: At): Mismatch | undefined {
  if (!isJsonObject(actual)) return mismatch(at, "a map", actual);
  return firstOf([...entries], ([name, expected]) => {
    if (name === "<<") return matchValue(evaluate(expected, at.scope), actual, at);
    const field = String(interpolate(name, at.scope));
    return matchAt(expected, actual[field], inField(at, field));
  });
}
