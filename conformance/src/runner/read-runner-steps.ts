import type { Cursor } from "../cases/cursor.ts";
import { valueTags } from "../match/evaluate.ts";
import { expectationTags } from "../match/match.ts";
import { offerFields } from "../scripted/offered-task.ts";
import { type LookStep, type RunnerStep, serverStates, taskViews, views } from "./runner-step.ts";

/** Longest wait for what a runner does by itself. */
const UNTIL_MS = 20_000;

/** Reads the steps of a case about runners. Errors: CaseFileError. */
export function readRunnerSteps(cursor: Cursor): readonly RunnerStep[] {
  const steps = cursor.items().map(readStep);
  const late = steps.findIndex(({ kind }, at) => kind === "process" && at > 0);
  if (late > 0) throw cursor.problem("a process of its own is asked for by the first step");
  const own = steps[0]?.kind === "process";
  const needsOwn = steps.find(({ kind }) => kind === "server" || kind === "signal" || kind === "restart");
  if (needsOwn && !own) throw cursor.problem(`${needsOwn.kind} needs a process of its own: begin with process`);
  return steps;
}

/** Kinds of steps by the field that tells them apart. */
const readers: Readonly<Record<string, (cursor: Cursor) => RunnerStep>> = {
  process: readProcess,
  offer: readOffer,
  result: readResult,
  await: (cursor) => readLook(cursor, "await"),
  check: (cursor) => readLook(cursor, "check"),
  answer: readAnswer,
  cancel: readCancel,
  lose: (cursor) => {
    const { lose } = cursor.fields(["lose"]);
    return { kind: "lose", task: lose!.text(), line: cursor.line };
  },
  server: (cursor) => {
    const { server } = cursor.fields(["server"]);
    return { kind: "server", state: oneOf(server!, serverStates), line: cursor.line };
  },
  signal: (cursor) => {
    const { signal } = cursor.fields(["signal"]);
    return { kind: "signal", signal: oneOf(signal!, ["SIGTERM", "SIGINT", "SIGKILL"]), line: cursor.line };
  },
  restart: (cursor) => {
    cursor.fields(["restart"]);
    return { kind: "restart", line: cursor.line };
  },
};

function readStep(cursor: Cursor): RunnerStep {
  const kind = cursor.entries().find(([name]) => Object.hasOwn(readers, name))?.[0];
  if (kind === undefined) throw cursor.problem(`must have one of the fields ${Object.keys(readers).join(", ")}`);
  return readers[kind]!(cursor);
}

function readProcess(cursor: Cursor): RunnerStep {
  const given = cursor.fields(["process"]).process!;
  const fields = given.fields([
    "concurrency",
    "grace",
    "abandon",
    "lease",
    "heartbeat",
    "max_output_bytes",
    "ends_leases",
    "clock_ahead",
    "unknown_fields",
    "knows_nobody",
    "away",
  ]);
  return {
    kind: "process",
    runner: present({
      concurrency: fields.concurrency?.wholeNumber(1),
      graceMs: fields.grace?.durationMs(),
      abandonMs: fields.abandon?.durationMs(),
    }),
    server: present({
      leaseMs: fields.lease?.durationMs(),
      heartbeatMs: fields.heartbeat?.durationMs(),
      maxOutputBytes: fields.max_output_bytes?.wholeNumber(1),
      endsLeases: fields.ends_leases?.flag(),
      clockAheadMs: fields.clock_ahead?.durationMs(),
      unknownFields: fields.unknown_fields?.flag(),
      knowsNobody: fields.knows_nobody?.flag(),
    }),
    away: fields.away?.flag() ?? false,
    line: cursor.line,
  };
}

function readOffer(cursor: Cursor): RunnerStep {
  const { offer } = cursor.fields(["offer"]);
  const fields = offer!.fields(["as", ...offerFields]);
  return {
    kind: "offer",
    as: offer!.required(fields, "as").text(),
    offer: offer!.template(valueTags),
    line: cursor.line,
  };
}

/** `result: a`: the first report of the task, which must fit. */
function readResult(cursor: Cursor): RunnerStep {
  const fields = cursor.fields(["result", "expect", "save", "until"]);
  return {
    kind: "look",
    view: "results",
    of: fields.result!.text(),
    first: true,
    ...readExpectation(fields),
    untilMs: fields.until?.durationMs() ?? UNTIL_MS,
    line: cursor.line,
  };
}

function readLook(cursor: Cursor, kind: "await" | "check"): RunnerStep {
  const fields = cursor.fields([kind, "of", "expect", "save", "until"]);
  const view = oneOf(cursor.required(fields, kind), views);
  if (taskViews.has(view) && !fields.of) throw cursor.problem(`${view} are of a task: name it in the field "of"`);
  return {
    kind: "look",
    view,
    of: fields.of?.text(),
    first: false,
    ...readExpectation(fields),
    untilMs: kind === "check" ? undefined : (fields.until?.durationMs() ?? UNTIL_MS),
    line: cursor.line,
  };
}

function readExpectation({ expect, save }: { expect?: Cursor; save?: Cursor }): Pick<LookStep, "expect" | "save"> {
  return {
    expect: expect?.template(expectationTags),
    save: new Map(save?.entries().map(([name, path]) => [name, path.text()]) ?? []),
  };
}

function readAnswer(cursor: Cursor): RunnerStep {
  const fields = cursor.fields(["answer", "with", "times"]);
  return {
    kind: "answer",
    task: fields.answer!.text(),
    answer: oneOf(cursor.required(fields, "with"), ["STALE_LEASE", "INVALID", "LOST"]),
    times: fields.times?.wholeNumber(1) ?? 1,
    line: cursor.line,
  };
}

function readCancel(cursor: Cursor): RunnerStep {
  const fields = cursor.fields(["cancel", "reason", "by"]);
  return {
    kind: "cancel",
    task: fields.cancel!.text(),
    reason: fields.reason?.text() ?? "JOB_CANCELLED",
    by: oneOf(cursor.required(fields, "by"), ["heartbeat", "lease"]),
    line: cursor.line,
  };
}

function oneOf<const Name extends string>(cursor: Cursor, names: readonly Name[]): Name {
  const text = cursor.text();
  const found = names.find((name) => name === text);
  if (found === undefined) throw cursor.problem(`"${text}" is none of ${names.join(", ")}`);
  return found;
}

/** Fields that have a value. */
function present<Fields extends object>(fields: Fields): { [Name in keyof Fields]?: NonNullable<Fields[Name]> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}
