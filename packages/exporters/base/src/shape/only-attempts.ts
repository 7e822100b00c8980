import { attemptSpanId, attributeNames, bytesToHex, hexToBytes, spanIdOf } from "@spanloom/protocol";
import type { KeyValue, Span } from "@spanloom/protocol/otlp";
import type { ShapeOptions, TaskFacts } from "./shape-options.ts";

/** What one batch says of its tasks, and who else may know. */
export class TaskDirectory {
  readonly #tasks = new Map<string, TaskFacts>();
  readonly #lookup: ShapeOptions["tasks"];

  constructor(spans: Iterable<Span>, lookup: ShapeOptions["tasks"]) {
    this.#lookup = lookup;
    const lastAttempts = new Map<string, number>();
    for (const span of spans) {
      const type = textOf(span.attributes, attributeNames.spanType);
      if (type === "attempt") {
        const taskId = bytesToHex(span.parentSpanId);
        lastAttempts.set(taskId, Math.max(lastAttempts.get(taskId) ?? 0, attemptOf(span)));
      } else if (type === "task") {
        const parentSpanId = bytesToHex(span.parentSpanId);
        this.#tasks.set(bytesToHex(span.spanId), { parentSpanId, lastAttempt: 0, links: span.links });
      }
    }
    for (const [id, lastAttempt] of lastAttempts) {
      const task = this.#tasks.get(id);
      if (task) this.#tasks.set(id, { ...task, lastAttempt });
    }
  }

  /** A task by its span id; undefined when nobody knows it. */
  find(spanId: string): TaskFacts | undefined {
    return this.#lookup?.(spanId) ?? this.#tasks.get(spanId);
  }
}

/** A span as it is when there are no spans of tasks; undefined for one of a task. Gives the same when nothing changes. */
export function withoutTask(span: Span, tasks: TaskDirectory): Span | undefined {
  const type = textOf(span.attributes, attributeNames.spanType);
  if (type === "task") return undefined;
  const parentSpanId = parentOf(span, type === "attempt", tasks);
  const links = linksOf(span, type === "attempt", tasks);
  return parentSpanId === span.parentSpanId && links === span.links ? span : { ...span, parentSpanId, links };
}

function parentOf(span: Span, isAttempt: boolean, tasks: TaskDirectory): Uint8Array {
  const task = span.parentSpanId.byteLength === 0 ? undefined : tasks.find(bytesToHex(span.parentSpanId));
  if (task) return hexToBytes(task.parentSpanId);
  const jobId = isAttempt ? textOf(span.attributes, attributeNames.jobId) : undefined;
  return jobId === undefined ? span.parentSpanId : hexToBytes(spanIdOf(jobId));
}

function linksOf(span: Span, isAttempt: boolean, tasks: TaskDirectory): Span["links"] {
  const own = isAttempt && attemptOf(span) === 1 ? (tasks.find(bytesToHex(span.parentSpanId))?.links ?? []) : [];
  const links = own.length === 0 ? span.links : [...span.links, ...own];
  if (!links.some(leadsToTask)) return links;
  return links.map((link) => {
    if (!leadsToTask(link)) return link;
    const spanId = bytesToHex(link.spanId);
    return { ...link, spanId: hexToBytes(attemptOfTask(spanId, tasks.find(spanId)?.lastAttempt || 1)) };
  });
}

function leadsToTask({ attributes }: Span["links"][number]): boolean {
  return textOf(attributes, attributeNames.linkType) === "dependency";
}

/** Span id of an attempt from its task's: of a task's id only the low 8 bytes count, which are its span id. */
function attemptOfTask(spanId: string, attempt: number): string {
  return attemptSpanId(`00000000-0000-7000-${spanId.slice(0, 4)}-${spanId.slice(4)}`, attempt);
}

function attemptOf({ attributes }: Span): number {
  const value = attributes.find(({ key }) => key === attributeNames.taskAttempt)?.value?.value;
  return value?.case === "intValue" ? Number(value.value) : 0;
}

function textOf(attributes: readonly KeyValue[], name: string): string | undefined {
  const value = attributes.find(({ key }) => key === name)?.value?.value;
  return value?.case === "stringValue" ? value.value : undefined;
}
