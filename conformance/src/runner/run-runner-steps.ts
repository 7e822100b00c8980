import { ResultStatus } from "@spanloom/protocol";
import { CaseFailure } from "../cases/case-failure.ts";
import { isJsonObject, type Json, type JsonObject } from "../cases/template.ts";
import { evaluate } from "../match/evaluate.ts";
import { match } from "../match/match.ts";
import { type Scope, select } from "../match/scope.ts";
import { cancellationReason, type OfferedTask, offerTask, taskVariable } from "../scripted/offered-task.ts";
import { type RunnerSession, randomIds } from "./runner-session.ts";
import type { LookStep, RunnerStep, ServerStep } from "./runner-step.ts";

/** Where the steps of a case run. */
export interface RunnerStepContext {
  session: RunnerSession;
  scope: Scope;
  signal: AbortSignal;
  /** Every time limit is multiplied by it. */
  patience: number;
}

/** Takes steps one after the other. Errors: CaseFailure when the runner did not do what is expected. */
export async function runRunnerSteps(steps: readonly RunnerStep[], context: RunnerStepContext): Promise<void> {
  for (const step of steps) {
    context.signal.throwIfAborted();
    await runStep(step, context);
  }
}

async function runStep(step: RunnerStep, context: RunnerStepContext): Promise<void> {
  const { session, scope } = context;
  const { desk } = session.server;
  const taskOf = (name: string) => session.offered(variableOf(name, scope));
  switch (step.kind) {
    case "process":
      // It was started for this case before its steps.
      return;
    case "offer": {
      const { as: _, ...offer } = evaluate(step.offer, scope) as JsonObject;
      const offered = offerTask(offer, randomIds);
      scope.set(step.as, taskVariable(offered));
      return session.offer(offered);
    }
    case "look":
      return look(step, step.of === undefined ? undefined : taskOf(step.of), context);
    case "answer": {
      const answer = step.answer === "LOST" ? step.answer : ResultStatus[step.answer];
      taskOf(step.task).answers.push(...Array.from({ length: step.times }, () => answer));
      return;
    }
    case "cancel":
      return desk.cancel(taskOf(step.task), cancellationReason(step.reason), step.by);
    case "lose":
      return desk.lose(taskOf(step.task));
    case "server":
      return setServer(step, session);
    case "signal":
      return session.runner.signal(step.signal);
    case "restart":
      return session.runner.start();
  }
}

function setServer({ state }: ServerStep, { server }: RunnerSession): void {
  if (state === "draining_by_heartbeat") server.desk.drain("heartbeat");
  else if (state === "draining_by_lease") server.desk.drain("lease");
  else {
    server.setAway(state === "away");
    server.desk.setRefusing(state === "refusing");
  }
}

/** Looks until what is expected is there; the first result is looked at once. */
async function look(step: LookStep, task: OfferedTask | undefined, context: RunnerStepContext): Promise<void> {
  const { session, scope, signal, patience } = context;
  const see = () => {
    const seen = session.look(step.view, task);
    return step.first && Array.isArray(seen) ? seen[0] : seen;
  };
  const judge = () => {
    const seen = see();
    const failure = failureOf(step, seen, context);
    const ended = session.runner.exit !== undefined;
    // What cannot change any more is not waited for.
    const final = step.untilMs === undefined || ended || (step.first && seen !== undefined);
    return failure === undefined || final ? { seen, failure } : undefined;
  };
  const limitMs = (step.untilMs ?? 0) * patience;
  const judged = await session.server.record.when(judge, { limitMs, signal });
  const { seen, failure } = judged ?? { seen: see(), failure: failureOf(step, see(), context) };
  if (failure) throw failure;
  for (const [name, path] of step.save) scope.set(name, valueAt(step, seen, path));
}

function failureOf(
  step: LookStep,
  seen: Json | undefined,
  { session: { runner, server }, scope, patience }: RunnerStepContext,
): CaseFailure | undefined {
  const fail = (path: string, expected: string, actual: Json | undefined) =>
    new CaseFailure({ line: step.line, step: nameOf(step), path, expected, actual });
  const [defect] = server.record.defects;
  if (defect !== undefined) return fail("", "what can be decoded", defect);
  const isEmpty = seen === undefined || (Array.isArray(seen) && seen.length === 0);
  if (runner.exit && step.view !== "exit" && step.untilMs !== undefined && isEmpty)
    return fail("", "the runner to go on", runner.exit);
  if (seen === undefined && step.untilMs !== undefined)
    return fail(
      "",
      `${step.first ? "a report" : step.view === "exit" ? "an end" : "something"} within ${step.untilMs * patience} ms`,
      undefined,
    );
  if (!step.expect) return seen === undefined ? fail("", "anything", undefined) : undefined;
  const found = match(step.expect, seen, scope);
  if (!found) return undefined;
  const inVain = runner.exit && step.view !== "exit" && step.untilMs !== undefined;
  return fail(found.path, inVain ? `${found.expected} before the runner ended` : found.expected, found.actual);
}

function nameOf({ view, of, first }: LookStep): string {
  const what = first ? "result" : view;
  return of === undefined ? what : `${what} of ${of}`;
}

function valueAt(step: LookStep, seen: Json | undefined, path: string): Json {
  const value = path === "." || seen === undefined ? seen : select(seen, path);
  if (value !== undefined) return value;
  throw new CaseFailure({ line: step.line, step: nameOf(step), path, expected: "there", actual: seen });
}

function variableOf(name: string, scope: Scope): JsonObject {
  const value = scope.get(name);
  if (!isJsonObject(value)) throw new Error(`cannot use the variable "${name}" as a task: it is none`);
  return value;
}
