import { type ASTNode, Environment } from "@marcbachmann/cel-js";
import { checkLimit, invalidField } from "../field.ts";
import { quote } from "../version.ts";
import { meter, metered } from "./expression-meter.ts";
import { toJsonValue } from "./json-value.ts";
import { TriggerEvent } from "./trigger-event.ts";

/** An expression is no longer, in UTF-8. */
export const MAX_EXPRESSION_BYTES = 4_096;

/** Tells whether an event fulfils a condition. Errors: Error saying why that cannot be told, e.g. a field it has not. */
export type EventFilter = (event: TriggerEvent) => boolean;

/** Makes JSON of at most `maxBytes` from an event. Errors: Error saying why that cannot be made. */
export type EventMapping = (event: TriggerEvent, maxBytes: number) => Uint8Array;

/**
 * Where expressions are checked and run: the Common Expression Language over `event`, with its extension of optional values.
 *
 * Numbers of JSON are doubles: they compare with integers, but `event.payload.n + 1` needs `1.0`. Lists and maps may mix.
 */
const environment = new Environment({
  limits: { maxAstNodes: 1_000, maxDepth: 64, maxListElements: 256, maxMapEntries: 256 },
  homogeneousAggregateLiterals: false,
  enableOptionalTypes: true,
})
  .registerType("Event", {
    ctor: TriggerEvent,
    fields: {
      id: "string",
      key: "string",
      payload: "dyn",
      metadata: "map<string, string>",
      received_at: "google.protobuf.Timestamp",
    },
  })
  .registerVariable("event", "Event");

/** Types that no value of JSON has. A part of unknown type is checked when it is there. */
const NOT_JSON = /^(type|optional\b.*|CelNamespace)$/;

/**
 * Compiles a condition on an event, e.g. `event.payload.amount > 100 && event.metadata.region == "eu"`.
 *
 * Errors: INVALID_FIELD naming `field` and the place, for what is no expression, names something that is not there, or is
 * not true or false; LIMIT_EXCEEDED for one that is too long.
 */
export function compileFilter(source: string, field = "filter"): EventFilter {
  const { run, type } = compile(source, field);
  if (type !== "bool" && type !== "dyn") throw refused(field, source, `it is a ${type}, not a bool`);
  return (event) => {
    const answer = run(event);
    if (typeof answer !== "boolean") throw new TypeError(`the filter's result is ${kindOf(answer)}, not a bool`);
    return answer;
  };
}

/**
 * Compiles an expression that makes a task's input from an event, e.g. `{"order": event.payload.id}`.
 *
 * Errors: as of {@link compileFilter}, and INVALID_FIELD for one whose result JSON has nothing for.
 */
export function compileMapping(source: string, field = "input"): EventMapping {
  const { run, type } = compile(source, field);
  if (NOT_JSON.test(type)) throw refused(field, source, `it is a ${type}, which JSON has nothing for`);
  return (event, maxBytes) => {
    const json = Buffer.from(JSON.stringify(toJsonValue(run(event), maxBytes)));
    if (json.length > maxBytes) throw new RangeError(`the input has ${json.length} bytes, limit ${maxBytes}`);
    return json;
  };
}

function compile(source: string, field: string): { run: (event: TriggerEvent) => unknown; type: string } {
  checkLimit(field, Buffer.byteLength(source), MAX_EXPRESSION_BYTES, "bytes");
  try {
    // Types that an expression has are kept where it is parsed: with the expression, not for ever.
    const parsed = environment.clone().parse(source);
    const { valid, type, error } = parsed.check();
    if (!valid) throw error;
    checkRegexes(parsed.ast);
    meter(parsed.ast);
    return { run: (event) => metered(() => parsed({ event })), type: type ?? "dyn" };
  } catch (error) {
    const { summary, message, range } = error as { summary?: string; message: string; range?: { start: number } };
    throw refused(field, source, `${summary ?? message}${range ? ` at ${placeOf(source, range.start)}` : ""}`);
  }
}

function refused(field: string, source: string, problem: string): Error {
  return invalidField(field, `is ${quote(source)}: ${problem}`);
}

/** Line and column, from 1. */
function placeOf(source: string, offset: number): string {
  const lines = source.slice(0, offset).split("\n");
  return `${lines.length}:${(lines.at(-1)?.length ?? 0) + 1}`;
}

/** Groups in groups of a regular expression. */
const MAX_REGEX_DEPTH = 32;

/**
 * Refuses a regular expression that is none, is not written out, or nests deeply.
 *
 * The engine compiles one when it is used first, and cannot be interrupted: groups 5,000 deep took minutes, in a thread that
 * could not be ended.
 */
function checkRegexes(node: unknown): void {
  if (Array.isArray(node)) {
    for (const part of node) checkRegexes(part);
    return;
  }
  if (typeof node !== "object" || node === null || !("op" in node)) return;
  const { op, args } = node as ASTNode;
  if (op === "rcall" && args[0] === "matches") checkRegex(args[2][0]);
  checkRegexes(args);
}

function checkRegex(pattern: ASTNode | undefined): void {
  if (pattern?.op !== "value" || typeof pattern.args !== "string")
    throw Object.assign(new Error("the regular expression of matches must be written out"), { range: pattern?.range });
  let depth = 0;
  for (const character of pattern.args) {
    if (character === "(") depth++;
    if (character === ")") depth--;
    if (depth > MAX_REGEX_DEPTH)
      throw Object.assign(new Error(`the regular expression has groups more than ${MAX_REGEX_DEPTH} deep`), {
        range: pattern.range,
      });
  }
  new RegExp(pattern.args);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return typeof value === "object" ? `a ${value.constructor.name}` : `a ${typeof value}`;
}
