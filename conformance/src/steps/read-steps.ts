import type { DescMessage } from "@bufbuild/protobuf";
import { methods, unknownField } from "../calls/methods.ts";
import { CaseFileError } from "../cases/case-file-error.ts";
import type { Cursor } from "../cases/cursor.ts";
import type { Template } from "../cases/template.ts";
import { valueTags } from "../match/evaluate.ts";
import { expectationTags } from "../match/match.ts";
import type { CallStep, Expectation, HttpStep, Step, UseStep } from "./step.ts";

/** Steps that several cases share, by name. */
export type Fragments = ReadonlyMap<string, Fragment>;

/** Steps with the values of their variables where a case gives none. */
export interface Fragment {
  defaults: ReadonlyMap<string, Template>;
  steps: readonly Step[];
}

/** Reads the steps of a server case; a fragment must be known before it is used. */
export function readSteps(cursor: Cursor, fragments: Fragments): readonly Step[] {
  return cursor.items().map((item) => readStep(item, fragments));
}

/** Reads fragments: a map of `defaults` and `steps` by name. Each may use those before it. */
export function readFragments(cursor: Cursor): Fragments {
  const fragments = new Map<string, Fragment>();
  for (const [name, entry] of cursor.entries()) {
    const fields = entry.fields(["defaults", "steps"]);
    const steps = readSteps(entry.required(fields, "steps"), fragments);
    fragments.set(name, { defaults: fields.defaults ? templates(fields.defaults) : new Map(), steps });
  }
  return fragments;
}

type Reader = (cursor: Cursor, fragments: Fragments) => Step;

/** Kinds of steps by the field that tells them apart. */
const readers: Readonly<Record<string, Reader>> = {
  call: readCall,
  await: readAwait,
  http: readHttp,
  check: readCheck,
  set: (cursor) => {
    const fields = cursor.fields(["set"]);
    return { kind: "set", values: templates(cursor.required(fields, "set")), line: cursor.line };
  },
  repeat: readRepeat,
  parallel: (cursor, fragments) => {
    const fields = cursor.fields(["parallel"]);
    return { kind: "parallel", steps: readSteps(cursor.required(fields, "parallel"), fragments), line: cursor.line };
  },
  use: readUse,
};

function readStep(cursor: Cursor, fragments: Fragments): Step {
  const names = cursor.entries().map(([name]) => name);
  const kind = names.find((name) => Object.hasOwn(readers, name));
  if (kind === undefined) throw cursor.problem(`must have one of the fields ${Object.keys(readers).join(", ")}`);
  return readers[kind]!(cursor, fragments);
}

function readCall(cursor: Cursor): CallStep {
  const fields = cursor.fields([
    "call",
    "request",
    "headers",
    "expect",
    "error",
    "save",
    "until",
    "within",
    "background",
  ]);
  const name = cursor.required(fields, "call");
  const method = methods.get(name.text());
  if (!method) throw name.problem(`"${name.text()}" is no call of the protocol, such as JobService.SubmitJob`);
  const request = fields.request?.template(valueTags) ?? emptyMap(cursor.line);
  holdToMessage(fields.request ?? cursor, request, method.input);
  const expectation = readExpectation(cursor, fields);
  if (expectation.expect && fields.expect && method.methodKind === "unary")
    holdToMessage(fields.expect, expectation.expect, method.output);
  return {
    kind: "call",
    method,
    request,
    headers: fields.headers?.template(valueTags),
    ...expectation,
    ...(fields.until ? { untilMs: fields.until.durationMs() } : {}),
    ...(fields.within ? { withinMs: fields.within.durationMs() } : {}),
    ...(fields.background ? { background: fields.background.text() } : {}),
    line: cursor.line,
  };
}

function readAwait(cursor: Cursor): Step {
  const fields = cursor.fields(["await", "expect", "error", "save", "until"]);
  return {
    kind: "await",
    name: cursor.required(fields, "await").text(),
    ...readExpectation(cursor, fields),
    ...(fields.until ? { untilMs: fields.until.durationMs() } : {}),
    line: cursor.line,
  };
}

function readHttp(cursor: Cursor): HttpStep {
  const fields = cursor.fields(["http", "expect", "save"]);
  const http = cursor.required(fields, "http");
  http.fields(["method", "path", "headers", "body", "json", "size"]);
  return { kind: "http", request: http.template(valueTags), ...readExpectation(cursor, fields), line: cursor.line };
}

function readCheck(cursor: Cursor): Step {
  const fields = cursor.fields(["check", "expect", "save"]);
  return {
    kind: "check",
    value: cursor.required(fields, "check").template(valueTags),
    ...readExpectation(cursor, fields),
    line: cursor.line,
  };
}

function readRepeat(cursor: Cursor, fragments: Fragments): Step {
  const fields = cursor.fields(["repeat", "at_once", "steps"]);
  return {
    kind: "repeat",
    times: cursor.required(fields, "repeat").template(valueTags),
    atOnce: fields.at_once?.flag() ?? false,
    steps: readSteps(cursor.required(fields, "steps"), fragments),
    line: cursor.line,
  };
}

function readUse(cursor: Cursor, fragments: Fragments): UseStep {
  const fields = cursor.fields(["use", "with"]);
  const name = cursor.required(fields, "use");
  const fragment = fragments.get(name.text());
  if (!fragment)
    throw name.problem(`there is no fragment "${name.text()}"; there are ${[...fragments.keys()].join(", ")}`);
  return {
    kind: "use",
    name: name.text(),
    steps: fragment.steps,
    values: fields.with ? templates(fields.with) : new Map(),
    defaults: fragment.defaults,
    line: cursor.line,
  };
}

function readExpectation(cursor: Cursor, fields: Partial<Record<"expect" | "error" | "save", Cursor>>): Expectation {
  if (fields.expect && fields.error) throw cursor.problem("has both expect and error; a call answers or fails");
  const save = new Map((fields.save?.entries() ?? []).map(([name, path]) => [name, path.word()]));
  return {
    ...(fields.expect ? { expect: fields.expect.template(expectationTags) } : {}),
    ...(fields.error ? { error: fields.error.template(expectationTags) } : {}),
    save,
  };
}

function templates(cursor: Cursor): ReadonlyMap<string, Template> {
  return new Map(cursor.entries().map(([name, value]) => [name, value.template(valueTags)]));
}

function emptyMap(line: number): Template {
  return { kind: "map", entries: new Map(), line };
}

/** Refuses fields that the message does not have: an expectation that misspells one would be met by any server. */
function holdToMessage(cursor: Cursor, template: Template, message: DescMessage): void {
  const unknown = unknownField(template, message);
  if (!unknown) return;
  const place = { file: cursor.file, line: unknown.line, field: cursor.field };
  throw new CaseFileError(place, `${unknown.message} has no field "${unknown.field}"`);
}
