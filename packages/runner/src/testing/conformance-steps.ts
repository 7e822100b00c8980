import { setTimeout as sleep } from "node:timers/promises";
import { type Attributes, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { parseTraceparent } from "@spanloom/protocol";
import {
  activeCarrier,
  type LogSeverity,
  RetryableError,
  type RetryOptions,
  type TaskContext,
  type TaskHandles,
  type TaskOptions,
  TerminalError,
  task,
} from "@spanloom/sdk";

/** A step of `conformance.steps`. Source: conformance/runner-tasks.md. */
type Step =
  | ValueStep
  | { do: "progress"; done: number; total?: number; label?: string }
  | { do: "display"; text: string }
  | { do: "submit"; groups: readonly GroupStep[] }
  | FailStep
  | SpanStep
  | { do: "attributes"; attributes: Attributes }
  | { do: "event"; name: string; attributes?: Attributes }
  | { do: "log"; severity: LogSeverity; message: string; attributes?: Record<string, unknown> }
  | { do: "hop"; steps: readonly Step[] }
  | { do: "wait"; ms?: number; on_stop?: "raise" | "give" }
  | { do: "stubborn" | "busy"; ms: number };

interface FailStep {
  do: "fail";
  error?: "plain" | "terminal" | "retryable";
  message: string;
  causes?: readonly string[];
  retry_after_ms?: number;
}

interface SpanStep {
  do: "span";
  name: string;
  api?: "context" | "global";
  kind?: keyof typeof SpanKind;
  attributes?: Attributes;
  events?: readonly { name: string; attributes?: Attributes }[];
  links?: readonly { traceparent: string; attributes?: Attributes }[];
  status?: { code: "OK" | "ERROR"; message?: string };
  steps?: readonly Step[];
  open?: boolean;
}

interface GroupStep {
  task: string;
  version?: string;
  inputs: readonly unknown[];
  depends_on?: readonly number[];
  displays?: readonly string[];
  queue?: string;
  optional?: boolean;
  priority?: number;
  attempt_timeout_ms?: number;
  queue_timeout_ms?: number;
  start_delay_ms?: number;
  retry?: {
    max_attempts?: number;
    initial_delay_ms?: number;
    factor?: number;
    max_delay_ms?: number;
    jitter?: number;
    non_retryable_types?: readonly string[];
  };
}

/** Error of the step `fail`. */
class ConformanceError extends Error {
  override readonly name = "ConformanceError";
}

/** What steps are done with. */
interface Doing {
  ctx: TaskContext;
  gave: unknown[];
}

/** The task that does the steps of its input, and gives what they gave. */
export const steps = task({
  name: "conformance.steps",
  run: async (input: { steps: readonly Step[] }, ctx) => {
    const gave: unknown[] = [];
    await doAll(input.steps, { ctx, gave });
    return gave;
  },
});

async function doAll(all: readonly Step[], doing: Doing): Promise<void> {
  for (const step of all) await doOne(step, doing);
}

async function doOne(step: Step, doing: Doing): Promise<void> {
  const { ctx, gave } = doing;
  switch (step.do) {
    case "give":
    case "large":
    case "bad-output":
    case "info":
    case "propagation":
    case "dependencies":
      gave.push(await produce(step, ctx));
      return;
    case "progress":
      return ctx.progress(step.done, step.total, step.label);
    case "display":
      return ctx.display(step.text);
    case "submit":
      return submit(step.groups, ctx);
    case "fail":
      throw errorOf(step);
    case "span":
      return inSpan(step, doing);
    case "attributes":
      trace.getActiveSpan()?.setAttributes(step.attributes);
      return;
    case "event":
      trace.getActiveSpan()?.addEvent(step.name, step.attributes);
      return;
    case "log":
      return ctx.log.write({ severity: step.severity, body: step.message, attributes: step.attributes ?? {} });
    case "hop":
      return new Promise((resolve, reject) => {
        setImmediate(() => doAll(step.steps, doing).then(resolve, reject));
      });
    case "wait":
      gave.push(await wait(step, ctx));
      return;
    case "stubborn":
      await sleep(step.ms);
      return;
    case "busy":
      return beBusy(step.ms);
    default:
      throw new Error(`cannot do a step: "${(step as { do: unknown }).do}" is none`);
  }
}

type ValueStep =
  | { do: "give"; value: unknown }
  | { do: "large"; bytes: number }
  | { do: "bad-output" | "info" | "propagation" | "dependencies" };

async function produce(step: ValueStep, ctx: TaskContext): Promise<unknown> {
  switch (step.do) {
    case "give":
      return step.value;
    case "large":
      return "x".repeat(step.bytes);
    case "info":
      return infoOf(ctx);
    case "propagation":
      return { traceparent: "", tracestate: "", baggage: "", ...activeCarrier() };
    case "dependencies":
      return dependenciesOf(ctx);
    default:
      return 1n;
  }
}

function infoOf({ jobId, jobName, taskId, parentId, attempt, attemptsLeft, queue, deadline }: TaskContext) {
  return {
    job_id: jobId,
    job_name: jobName,
    task_id: taskId,
    parent_id: parentId ?? null,
    attempt,
    attempts_left: attemptsLeft,
    queue,
    deadline_ms: deadline ? deadline.getTime() : null,
  };
}

async function dependenciesOf(ctx: TaskContext): Promise<unknown[]> {
  const all: unknown[] = [];
  for await (const { taskId, name, state, output, failure } of ctx.dependencies()) {
    const told = failure && { type: failure.type, message: failure.message };
    all.push({ task_id: taskId, name, state, output: output ?? null, failure: told ?? null });
  }
  return all;
}

function submit(groups: readonly GroupStep[], ctx: TaskContext): void {
  const handles: TaskHandles[] = [];
  for (const group of groups) {
    const child = task<unknown, unknown>({ name: group.task, version: group.version ?? "1.0", run: () => undefined });
    const dependsOn = group.depends_on?.map((index) => handles[index]!);
    const options = { ...optionsOf(group), ...(dependsOn && { dependsOn }) };
    handles.push(ctx.submitMany(child, group.inputs, options));
  }
}

function optionsOf({ retry, ...group }: GroupStep): TaskOptions & { startDelayMs?: number; displays?: string[] } {
  const options = {
    queue: group.queue,
    optional: group.optional,
    priority: group.priority,
    timeoutMs: group.attempt_timeout_ms,
    queueTimeoutMs: group.queue_timeout_ms,
    startDelayMs: group.start_delay_ms,
    displays: group.displays && [...group.displays],
    retry: retry && retryOf(retry),
  };
  return given(options);
}

function retryOf(retry: NonNullable<GroupStep["retry"]>): RetryOptions {
  return given({
    maxAttempts: retry.max_attempts,
    initialDelayMs: retry.initial_delay_ms,
    factor: retry.factor,
    maxDelayMs: retry.max_delay_ms,
    jitter: retry.jitter,
    nonRetryableTypes: retry.non_retryable_types,
  });
}

/** What is given of some options. */
function given<Options extends object>(options: Options): { [Key in keyof Options]?: NonNullable<Options[Key]> } {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as never;
}

function errorOf({ error = "plain", message, causes = [], retry_after_ms }: FailStep): Error {
  const cause = causes.reduceRight<Error | undefined>((inner, text) => {
    return new ConformanceError(text, inner && { cause: inner });
  }, undefined);
  if (error === "terminal") return new TerminalError(message, cause && { cause });
  if (error === "plain") return new ConformanceError(message, cause && { cause });
  return new RetryableError(message, {
    ...(cause && { cause }),
    ...(retry_after_ms !== undefined && { retryAfterMs: retry_after_ms }),
  });
}

function inSpan(step: SpanStep, doing: Doing): Promise<void> {
  const options = { kind: SpanKind[step.kind ?? "INTERNAL"], attributes: step.attributes ?? {} };
  const { ctx } = doing;
  if (step.api !== "global") return ctx.span(step.name, (span) => withinSpan(span, step, doing), options);
  const library = trace.getTracer("conformance.library", "1.0");
  return library.startActiveSpan(step.name, options, async (span) => {
    try {
      await withinSpan(span, step, doing);
    } finally {
      if (!step.open) span.end();
    }
  });
}

async function withinSpan(span: Span, step: SpanStep, doing: Doing): Promise<void> {
  for (const { name, attributes } of step.events ?? []) span.addEvent(name, attributes);
  for (const { traceparent, attributes } of step.links ?? []) {
    const { traceId, spanId, sampled } = parseTraceparent(traceparent)!;
    span.addLink({ context: { traceId, spanId, traceFlags: sampled ? 1 : 0 }, ...(attributes && { attributes }) });
  }
  await doAll(step.steps ?? [], doing);
  if (!step.status) return;
  const { code, message } = step.status;
  span.setStatus({ code: SpanStatusCode[code], ...(message !== undefined && { message }) });
}

async function wait(
  { ms = 60_000, on_stop = "raise" }: { ms?: number; on_stop?: "raise" | "give" },
  { signal }: TaskContext,
): Promise<string> {
  try {
    await sleep(ms, undefined, { signal });
    return "elapsed";
  } catch {
    // Told to stop: what was raised only says that the wait was cut short.
    if (on_stop === "raise") throw signal.reason;
    return "stopped";
  }
}

function beBusy(ms: number): void {
  const endMs = performance.now() + ms;
  while (performance.now() < endMs);
}
