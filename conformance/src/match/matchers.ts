import { parseDurationMs } from "../cases/duration.ts";
import { isJsonObject, type Json, type Template } from "../cases/template.ts";
import { asText, evaluate, ValueError } from "./evaluate.ts";
import { type At, firstOf, inIndex, type Mismatch, mismatch } from "./mismatch.ts";
import { microsOf } from "./timestamp.ts";

interface Use {
  /** What stands after the tag. */
  argument: Template;
  actual: Json | undefined;
  at: At;
  /** Compares a part. */
  compare: (expected: Template, actual: Json | undefined, at: At) => Mismatch | undefined;
}

type Matcher = (use: Use) => Mismatch | undefined;

const uuidPattern = /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** Tags that compare instead of standing for one value. */
const matchers: Readonly<Record<string, Matcher>> = {
  any: ({ actual, at }) => must(isPresent(actual), at, "anything", actual),
  absent: ({ actual, at }) => must(actual === undefined || actual === null, at, "nothing", actual),
  empty: ({ actual, at }) => must(isEmpty(actual), at, "something empty", actual),
  filled: ({ actual, at }) => must(isPresent(actual) && !isEmpty(actual), at, "something not empty", actual),
  uuid: ({ actual, at }) => must(uuidPattern.test(String(actual)), at, "a UUIDv7", actual),
  regex: (use) => {
    const pattern = asText(evaluate(use.argument, use.at.scope));
    return must(
      typeof use.actual === "string" && new RegExp(pattern, "u").test(use.actual),
      use.at,
      `text that matches /${pattern}/`,
      use.actual,
    );
  },
  range: (use) => inRange(use),
  time: (use) => inTime(use),
  not: (use) =>
    must(
      use.compare(use.argument, use.actual, use.at) !== undefined,
      use.at,
      `not ${describe(use.argument, use.at)}`,
      use.actual,
    ),
  oneOf: (use) =>
    must(
      itemsOf(use).some((item) => !use.compare(item, use.actual, use.at)),
      use.at,
      `one of ${itemsOf(use)
        .map((item) => describe(item, use.at))
        .join(", ")}`,
      use.actual,
    ),
  all: (use) => firstOf(itemsOf(use), (item) => use.compare(item, use.actual, use.at)),
  exactly: (use) => exactly(use),
  length: (use) => {
    const { actual, at, compare } = use;
    const length = typeof actual === "string" || Array.isArray(actual) ? actual.length : undefined;
    return compare(use.argument, length, { ...at, path: `${at.path}.length` });
  },
  atLeast: (use) => {
    const least = Number(evaluate(use.argument, use.at.scope));
    const fits = Array.isArray(use.actual) && use.actual.length >= least;
    return must(fits, use.at, `a list of ${least} or more`, use.actual);
  },
  bytes: (use) => use.compare(use.argument, bytesOf(use.actual)?.length, use.at),
  every: (use) => {
    if (!Array.isArray(use.actual)) return mismatch(use.at, "a list", use.actual);
    return firstOf([...use.actual.entries()], ([index, item]) =>
      use.compare(use.argument, item, inIndex(use.at, index)),
    );
  },
  none: (use) => {
    const found = Array.isArray(use.actual)
      ? use.actual.find((item) => !use.compare(use.argument, item, use.at))
      : undefined;
    return must(found === undefined, use.at, `no entry like ${describe(use.argument, use.at)}`, found);
  },
  contains: (use) => assigned(use, false),
  unordered: (use) => assigned(use, true),
  json: (use) => {
    const bytes = bytesOf(use.actual);
    if (!bytes) return mismatch(use.at, "bytes with JSON", use.actual);
    try {
      return use.compare(use.argument, JSON.parse(bytes.toString()) as Json, {
        ...use.at,
        path: `${use.at.path}!json`,
      });
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return mismatch(use.at, "bytes with JSON", bytes.toString());
    }
  },
};

/** Names of the tags that compare. */
export const matcherNames: readonly string[] = Object.keys(matchers);

/** The comparison of a tag; undefined when it stands for a value. */
export function matcherFor(tag: string): Matcher | undefined {
  return Object.hasOwn(matchers, tag) ? matchers[tag] : undefined;
}

function must(fits: boolean, at: At, expected: string, actual: Json | undefined): Mismatch | undefined {
  return fits ? undefined : mismatch(at, expected, actual);
}

function isPresent(actual: Json | undefined): boolean {
  return actual !== undefined && actual !== null;
}

function isEmpty(actual: Json | undefined): boolean {
  if (Array.isArray(actual)) return actual.length === 0;
  return isJsonObject(actual)
    ? Object.keys(actual).length === 0
    : actual === undefined || actual === null || actual === "";
}

function itemsOf({ argument }: Use): readonly Template[] {
  return argument.kind === "list" ? argument.items : [argument];
}

function fieldsOf({ argument, at }: Use): Record<string, Json | undefined> {
  const value = evaluate(argument, at.scope);
  if (!isJsonObject(value)) throw new ValueError(`a map must stand here, is ${JSON.stringify(value)}`);
  return value;
}

/** `!range {min: 1, max: 3}`: numbers, and durations as protobuf's JSON writes them (`1.5s`). */
function inRange(use: Use): Mismatch | undefined {
  const { min, max } = fieldsOf(use);
  const actual = typeof use.actual === "string" ? Number(use.actual.replace(/s$/, "")) : use.actual;
  const fits =
    typeof actual === "number" &&
    !Number.isNaN(actual) &&
    (min === undefined || actual >= Number(min)) &&
    (max === undefined || actual <= Number(max));
  return must(fits, use.at, `a number from ${min ?? "any"} to ${max ?? "any"}`, use.actual);
}

/**
 * `!time {after: ${t}, by: 1s}`: at least so long after a time; `before` likewise. Absent `by` is none; a time that is not
 * given is now.
 */
function inTime(use: Use): Mismatch | undefined {
  const fields = fieldsOf(use);
  const actual = microsOf(use.actual);
  if (actual === undefined) return mismatch(use.at, "a time", use.actual);
  for (const side of ["after", "before"] as const) {
    const other = fields[side];
    if (other === undefined) continue;
    const micros = other === "now" ? BigInt(Date.now()) * 1000n : microsOf(other);
    if (micros === undefined) throw new ValueError(`!time: ${side} is no time: ${JSON.stringify(other)}`);
    const byMicros = BigInt(Math.round((parseDurationMs(asText(fields.by ?? "0s")) ?? 0) * 1000));
    const distance = side === "after" ? actual - micros : micros - actual;
    if (distance < byMicros)
      return mismatch(use.at, `a time ${asText(fields.by ?? "0s")} or more ${side} ${asText(other)}`, use.actual);
  }
  return undefined;
}

/** The fields given and no others; those that are empty or 0 need not be named. */
function exactly(use: Use): Mismatch | undefined {
  const found = use.compare(use.argument, use.actual, use.at);
  if (found || use.argument.kind !== "map" || !isJsonObject(use.actual)) return found;
  const allowed = use.argument.entries;
  const more = Object.entries(use.actual).find(
    ([name, value]) => !allowed.has(name) && !isEmpty(value) && value !== 0 && value !== "0" && value !== false,
  );
  return more ? mismatch({ ...use.at, path: `${use.at.path}.${more[0]}` }, "no such field", more[1]) : undefined;
}

/** Each expectation has an entry of its own that fits it; with `all` there are no others. */
function assigned(use: Use, all: boolean): Mismatch | undefined {
  const { actual, at } = use;
  const items = itemsOf(use);
  if (!Array.isArray(actual)) return mismatch(at, "a list", actual);
  if (all && actual.length !== items.length) return mismatch(at, `a list of ${items.length}`, actual);
  const fits = items.map((item) => actual.map((entry) => !use.compare(item, entry, at)));
  const entryOf = new Map<number, number>();
  const place = (item: number, tried: Set<number>): boolean =>
    actual.some((_, entry) => {
      if (!fits[item]![entry] || tried.has(entry)) return false;
      tried.add(entry);
      const holder = [...entryOf].find(([, taken]) => taken === entry)?.[0];
      if (holder !== undefined && !place(holder, tried)) return false;
      entryOf.set(item, entry);
      return true;
    });
  const missing = items.find((_, item) => !place(item, new Set()));
  return missing ? mismatch(at, `an entry like ${describe(missing, at)}`, actual) : undefined;
}

function bytesOf(actual: Json | undefined): Buffer | undefined {
  return typeof actual === "string" ? Buffer.from(actual, "base64") : undefined;
}

/** An expectation as text for people, on one line. */
function describe(template: Template, at: At): string {
  switch (template.kind) {
    case "value":
      return JSON.stringify(evaluate(template, at.scope));
    case "list":
      return `[${template.items.map((item) => describe(item, at)).join(", ")}]`;
    case "map":
      return `{${[...template.entries].map(([name, item]) => `${name}: ${describe(item, at)}`).join(", ")}}`;
    case "tag":
      return `!${template.tag} ${describe(template.argument, at)}`;
  }
}
