import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { attemptSpanId, bytesToHex, hexToBytes, IdGenerator, spanIdOf, traceIdOfJob } from "@spanloom/protocol";
import { ExportTraceServiceRequestSchema, type Span, type SpanSchema } from "@spanloom/protocol/otlp";
import { expect, it } from "vitest";
import type { TelemetryBatch } from "../exporter.ts";
import { type ShapeOptions, type TaskFacts, workflowAliases } from "./shape-options.ts";
import { shapeTelemetry } from "./shape-telemetry.ts";

/**
 * Whatever is asked for, a backend is given trees: random jobs, with retries, children, jobs within jobs, tasks that never
 * ran and spans of tasks' code, shaped in every combination of options, whole and cut into batches.
 */

type SpanInit = Exclude<MessageInitShape<typeof SpanSchema>, { $typeName: string }>;
type Random = () => number;

const text = (key: string, value: string) => ({ key, value: { value: { case: "stringValue" as const, value } } });
const int = (key: string, value: number) => ({
  key,
  value: { value: { case: "intValue" as const, value: BigInt(value) } },
});

/** A linear congruential generator: the same numbers for the same seed. */
function generator(seed: number): Random {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What was made: spans, and what is known of tasks by their span id. */
class Forest {
  readonly spans: SpanInit[] = [];
  readonly tasks = new Map<string, TaskFacts>();
  readonly #ids: IdGenerator;
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = generator(seed);
    let nowMs = 1_795_204_800_000 + seed * 1_000;
    this.#ids = new IdGenerator(() => nowMs++);
  }

  below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  /** A job of a trace of its own, or within a span of another. */
  addJob(within?: SpanInit): void {
    const id = this.#ids.next();
    const trace = within
      ? { traceId: within.traceId!, flags: within.flags! }
      : { traceId: hexToBytes(traceIdOfJob(id)), flags: this.below(2) };
    const job = this.#add({
      ...trace,
      spanId: hexToBytes(spanIdOf(id)),
      ...(within && { parentSpanId: within.spanId! }),
      attributes: [text("spanloom.span.type", "job")],
    });
    const links: string[] = [];
    for (let count = 1 + this.below(3); count > 0; count--) links.push(this.#addTask(id, job, links));
  }

  #add(span: SpanInit): SpanInit {
    this.spans.push(span);
    return span;
  }

  #addTask(jobId: string, parent: SpanInit, dependencies: readonly string[]): string {
    const id = this.#ids.next();
    const [trace, spanId] = [{ traceId: parent.traceId!, flags: parent.flags! }, spanIdOf(id)];
    const links = dependencies
      .filter(() => this.below(2) === 0)
      .map((to) => ({ ...trace, spanId: hexToBytes(to), attributes: [text("spanloom.link.type", "dependency")] }));
    const attributes = [text("spanloom.span.type", "task"), text("spanloom.job.id", jobId)];
    const task = { ...trace, spanId: hexToBytes(spanId), parentSpanId: parent.spanId!, attributes, links };
    const attempts = this.below(4);
    for (let number = 1; number <= attempts; number++) this.#addAttempt(jobId, id, number, task);
    // Lifecycle spans are made when they end: attempts and what they submitted come before their task, mostly.
    if (this.below(4) === 0) this.spans.unshift(task);
    else this.#add(task);
    const parentSpanId = bytesToHex(parent.spanId!);
    this.tasks.set(spanId, { parentSpanId, lastAttempt: attempts, links: links as never });
    return spanId;
  }

  #addAttempt(jobId: string, taskId: string, number: number, { traceId, flags, spanId }: SpanInit): void {
    const trace = { traceId: traceId!, flags: flags! };
    const retried = { ...trace, spanId: hexToBytes(attemptSpanId(taskId, number - 1)) };
    const attempt = this.#add({
      ...trace,
      spanId: hexToBytes(attemptSpanId(taskId, number)),
      parentSpanId: spanId!,
      attributes: [
        text("spanloom.span.type", "attempt"),
        text("spanloom.job.id", jobId),
        int("spanloom.task.attempt", number),
      ],
      links: number > 1 ? [{ ...retried, attributes: [text("spanloom.link.type", "retry")] }] : [],
    });
    let parent = attempt;
    for (let count = this.below(3); count > 0; count--) {
      const user = { ...trace, spanId: hexToBytes(spanIdOf(this.#ids.next())), parentSpanId: parent.spanId! };
      parent = this.#add({ ...user, attributes: [text("spanloom.job.id", jobId), text("http.method", "GET")] });
    }
    if (this.spans.length > 150) return;
    if (this.below(3) === 0) this.#addTask(jobId, parent, []);
    if (this.below(8) === 0) this.addJob(parent);
  }
}

function batchOf(spans: readonly SpanInit[]): TelemetryBatch {
  return {
    traces: create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans: [...spans] }] }] }),
  };
}

const spansOf = ({ traces }: TelemetryBatch): Span[] =>
  traces!.resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap(({ spans }) => spans));

/** A span, given or made, as far as a tree is concerned. */
type Placed = Pick<SpanInit, "traceId" | "spanId" | "parentSpanId">;

const idOf = ({ traceId, spanId }: Placed): string => `${bytesToHex(traceId!)}/${bytesToHex(spanId!)}`;
const parentOf = ({ traceId, parentSpanId }: Placed): string | undefined =>
  parentSpanId?.byteLength ? `${bytesToHex(traceId!)}/${bytesToHex(parentSpanId)}` : undefined;
const typeOf = ({ attributes }: SpanInit): unknown =>
  attributes?.find(({ key }) => key === "spanloom.span.type")?.value?.value?.value;

const lifecycles = ["full", "attempts"] as const;
const samplings = ["always", "parent", 0, 0.5, 1] as const;
const attributeOptions: ShapeOptions[] = [
  {},
  { excludeAttributes: ["spanloom.*"] },
  { includeAttributes: ["http.*"], aliases: workflowAliases },
  { tags: { "spanloom.span.type": "mine" }, resourceAttributes: { team: "core" } },
];
const combinations = lifecycles.flatMap((lifecycle) =>
  samplings.flatMap((sampling) => attributeOptions.map((options) => ({ ...options, lifecycle, sampling }))),
);

/** Spans as they come to a queue: all at once, or in batches, when somebody must know of tasks of other batches or not. */
type Cut = "whole" | "batches, tasks known" | "batches, tasks unknown";

function shaped(forest: Forest, options: ShapeOptions, cut: Cut): Span[] {
  const tasks = cut === "batches, tasks known" ? (spanId: string) => forest.tasks.get(spanId) : undefined;
  const shape = shapeTelemetry({ ...options, tasks });
  const size = cut === "whole" ? forest.spans.length : 7;
  const batches = Array.from({ length: Math.ceil(forest.spans.length / size) }, (_, at) =>
    forest.spans.slice(at * size, (at + 1) * size),
  );
  return batches.flatMap((spans) => spansOf(shape(batchOf(spans))));
}

it.each(combinations)("gives whole trees with %o", (options) => {
  for (let seed = 1; seed <= 8; seed++) {
    const forest = new Forest(seed);
    for (let count = 0; count < 6; count++) forest.addJob();
    for (const cut of ["whole", "batches, tasks known", "batches, tasks unknown"] as const)
      expect(problemsOf(forest, shaped(forest, options, cut), options, cut), `seed ${seed}, ${cut}`).toEqual([]);
  }
});

function problemsOf(forest: Forest, out: readonly Span[], options: ShapeOptions, cut: Cut): string[] {
  const ids = new Set(out.map(idOf));
  const wanted = forest.spans.filter((span) => options.lifecycle === "full" || typeOf(span) !== "task");
  const traces = new Set(out.map(({ traceId }) => bytesToHex(traceId)));
  const kept = wanted.filter(({ traceId }) => traces.has(bytesToHex(traceId!)));
  const byId = new Map(out.map((each) => [idOf(each), each]));
  const unsampled = (span: SpanInit) => options.sampling === "parent" && span.flags === 0;
  return [
    ...(ids.size === out.length ? [] : ["a span came twice"]),
    ...kept.filter((span) => !ids.has(idOf(span))).map((span) => `${idOf(span)} is missing in a trace that is kept`),
    ...kept.filter(unsampled).map((span) => `${idOf(span)} is not sampled`),
    ...(options.sampling === 0 && out.length > 0 ? ["something came of nothing"] : []),
    ...(["always", 1].includes(options.sampling!) && kept.length < wanted.length ? ["a trace is missing"] : []),
    ...out.filter((span) => !ids.has(parentOf(span) ?? idOf(span))).map((span) => `${idOf(span)} has no parent`),
    ...out.filter((span) => !hasRoot(span, byId)).map((span) => `${idOf(span)} is its own ancestor`),
    ...(cut === "batches, tasks unknown" ? [] : linkProblems(forest, out, ids)),
  ];
}

function hasRoot(span: Span, byId: ReadonlyMap<string, Span>): boolean {
  let at: Span | undefined = span;
  for (let steps = 0; at && steps <= byId.size; steps++) {
    const parent = parentOf(at);
    if (parent === undefined) return true;
    at = byId.get(parent);
  }
  return false;
}

/** Links lead to spans that are there, but for those to tasks that never ran. */
function linkProblems(forest: Forest, out: readonly Span[], ids: ReadonlySet<string>): string[] {
  const neverRan = new Set(
    [...forest.tasks].filter(([, { lastAttempt }]) => lastAttempt === 0).map(([id]) => attemptOfSpan(id)),
  );
  return out.flatMap((span) =>
    span.links
      .filter((link) => !ids.has(idOf(link)) && !neverRan.has(bytesToHex(link.spanId)))
      .map((link) => `a link of ${idOf(span)} leads nowhere: ${idOf(link)}`),
  );
}

function attemptOfSpan(taskSpanId: string): string {
  return attemptSpanId(`00000000-0000-7000-${taskSpanId.slice(0, 4)}-${taskSpanId.slice(4)}`, 1);
}
