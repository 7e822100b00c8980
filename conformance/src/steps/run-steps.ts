import { type CallOptions, type CallOutcome, callUnary, startStream } from "../calls/call.ts";
import { CaseFailure } from "../cases/case-failure.ts";
import { isJsonObject, type JsonObject, type Template } from "../cases/template.ts";
import { evaluate } from "../match/evaluate.ts";
import { type Scope, UnknownVariableError } from "../match/scope.ts";
import { difference, type NamedStep, saveFrom } from "./compare.ts";
import { poll, within } from "./deadline.ts";
import { sendHttp } from "./http-request.ts";
import type { Background, StepContext } from "./session.ts";
import type { AwaitStep, CallStep, CheckStep, HttpStep, RepeatStep, Step, UseStep } from "./step.ts";

/** Longest that one call may take: a long poll of 30 s and some more. */
const CALL_TIMEOUT_MS = 45_000;

/** Runs steps in order. Errors: CaseFailure when a promise was not kept; anything else is a defect of the case. */
export async function runSteps(steps: readonly Step[], context: StepContext): Promise<void> {
  for (const step of steps) {
    try {
      await runStep(step, context);
    } catch (error) {
      throw error instanceof UnknownVariableError ? lackOf(step, error) : error;
    }
  }
}

/** What a case goes on with and nobody answered before: an answer lacks it. */
function lackOf({ line }: Step, { path }: UnknownVariableError): CaseFailure {
  return new CaseFailure({
    line,
    step: "going on",
    path: "",
    expected: `an earlier answer to have ${path}`,
    actual: undefined,
  });
}

function runStep(step: Step, context: StepContext): Promise<void> {
  switch (step.kind) {
    case "call":
      return runCall(step, context);
    case "await":
      return runAwait(step, context);
    case "http":
      return runHttp(step, context);
    case "check":
      return runCheck(step, context);
    case "set":
      for (const [name, value] of step.values) context.scope.set(name, evaluate(value, context.scope));
      return Promise.resolve();
    case "repeat":
      return runRepeat(step, context);
    case "parallel":
      return allDone(step.steps.map((each) => runStep(each, context)));
    case "use":
      return runUse(step, context);
  }
}

async function runCall(step: CallStep, context: StepContext): Promise<void> {
  const { session, scope } = context;
  const named = { ...step, name: `${step.method.parent.name}.${step.method.name}` };
  if (step.background !== undefined) {
    session.background.set(step.background, startCall(step, context));
    return;
  }
  let outcome: CallOutcome | undefined;
  const ask = async () => {
    outcome = await outcomeOf(startCall(step, context));
    return difference(named, outcome, scope);
  };
  const began = performance.now();
  const failure = await poll(ask, { limitMs: (step.untilMs ?? 0) * session.patience, signal: session.signal });
  if (failure) throw failure;
  const tookMs = performance.now() - began;
  if (step.withinMs !== undefined && tookMs > step.withinMs * session.patience)
    throw failed(named, `an answer within ${step.withinMs} ms`, `after ${Math.round(tookMs)} ms`);
  keep(named, outcome!, scope);
}

function startCall(step: CallStep, { session, scope }: StepContext): Background {
  const headers = step.headers ? evaluate(step.headers, scope) : {};
  const options: CallOptions = {
    transport: session.transport,
    request: evaluate(step.request, scope),
    headers: isJsonObject(headers) ? (headers as Record<string, string>) : {},
    timeoutMs: CALL_TIMEOUT_MS * session.patience,
    signal: session.signal,
  };
  return step.method.methodKind === "unary"
    ? { kind: "unary", outcome: callUnary(step.method, options) }
    : { kind: "stream", stream: startStream(step.method, options) };
}

async function outcomeOf(call: Background): Promise<CallOutcome> {
  if (call.kind === "unary") return call.outcome;
  await call.stream.done;
  return streamOutcome(call);
}

/** What came of a stream so far; its error only when it has ended with one. */
function streamOutcome({ stream: { state } }: Extract<Background, { kind: "stream" }>): CallOutcome {
  const { error, messages, rows, ended } = state;
  return error ? { error } : { answer: { messages, rows, ended } };
}

async function runAwait(step: AwaitStep, { session, scope }: StepContext): Promise<void> {
  const call = session.background.get(step.name);
  if (!call) throw new Error(`line ${step.line}: nothing called "${step.name}" runs in the background`);
  const named = { ...step, name: `await ${step.name}` };
  const limitMs = (step.untilMs ?? CALL_TIMEOUT_MS) * session.patience;
  if (call.kind === "unary") {
    if (!(await within(call.outcome, limitMs))) throw failed(named, `an answer within ${limitMs} ms`, "none");
    const failure = difference(named, await call.outcome, scope);
    if (failure) throw failure;
    return keep(named, await call.outcome, scope);
  }
  const ask = async () => difference(named, streamOutcome(call), scope);
  const failure = await poll(ask, { limitMs, signal: session.signal });
  if (failure) throw failure;
  keep(named, streamOutcome(call), scope);
}

async function runHttp(step: HttpStep, { session, scope }: StepContext): Promise<void> {
  const request = evaluate(step.request, scope) as JsonObject;
  const named = { ...step, name: `${String(request.method ?? "POST")} ${String(request.path ?? "/")}` };
  const { url, token, signal, patience } = session;
  const send = sendHttp({ url, token, request, timeoutMs: CALL_TIMEOUT_MS * patience, signal });
  const answer = await send.catch((error: Error): never => {
    throw failed(named, "an answer", error.message);
  });
  const failure = difference(named, { answer }, scope);
  if (failure) throw failure;
  saveFrom(named, answer, scope);
}

async function runCheck(step: CheckStep, { scope }: StepContext): Promise<void> {
  const named = { ...step, name: nameOf(step) };
  const answer = { value: evaluate(step.value, scope) };
  const wrap = (expect: Template): Template => ({
    kind: "map",
    entries: new Map([["value", expect]]),
    line: step.line,
  });
  const failure = difference(step.expect ? { ...named, expect: wrap(step.expect) } : named, { answer }, scope);
  if (failure) throw failure;
  saveFrom(named, answer.value, scope);
}

/** A check by what it looks at, where that is one text. */
function nameOf({ value }: CheckStep): string {
  return value.kind === "value" && typeof value.value === "string" ? `check ${value.value}` : "check";
}

async function runRepeat(step: RepeatStep, { session, scope }: StepContext): Promise<void> {
  const times = Number(evaluate(step.times, scope));
  const run = (at: number) => runSteps(step.steps, { session, scope: scope.within({ at }) });
  if (step.atOnce) return allDone(Array.from({ length: times }, (_, at) => run(at)));
  for (let at = 0; at < times; at++) await run(at);
}

/** A failure within a fragment is told where the case uses it. */
async function runUse(step: UseStep, { session, scope }: StepContext): Promise<void> {
  const values = new Map([...step.defaults, ...step.values]);
  const inner = scope.within(Object.fromEntries([...values].map(([name, value]) => [name, evaluate(value, scope)])));
  try {
    await runSteps(step.steps, { session, scope: inner });
  } catch (error) {
    if (!(error instanceof CaseFailure)) throw error;
    throw new CaseFailure({ ...error.facts, line: step.line, step: `${step.name}: ${error.facts.step}` });
  }
}

/** Waits for all, also when one fails: what goes on would meddle with what comes next. */
async function allDone(runs: Promise<void>[]): Promise<void> {
  const ends = await Promise.allSettled(runs);
  const rejected = ends.find((end) => end.status === "rejected");
  if (rejected) throw rejected.reason;
}

function keep(step: NamedStep, outcome: CallOutcome, scope: Scope): void {
  saveFrom(step, "error" in outcome ? outcome.error : outcome.answer, scope);
}

function failed(step: NamedStep, expected: string, actual: string): CaseFailure {
  return new CaseFailure({ line: step.line, step: step.name, path: "", expected, actual });
}
