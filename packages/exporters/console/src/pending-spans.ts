import { attributeNames, bytesToHex } from "@spanloom/protocol";
import type { Span } from "@spanloom/protocol/otlp";

/** A span and those below it. */
export interface SpanNode {
  readonly span: Span;
  readonly children: SpanNode[];
}

/**
 * Spans that wait for their parent, so that a tree is printed whole.
 *
 * Children end before their parents. A span closes a tree when it has no parent, or is a job, a task or an attempt:
 * those above it end much later, or elsewhere. What closes a tree within another that comes with it is a part of that.
 *
 * I1. A span is given out once.
 * I2. At most `maxSpans` are kept; beyond it the oldest are given out as trees of their own.
 */
export class PendingSpans {
  readonly #maxSpans: number;
  /** Spans by id, in the order they came. */
  readonly #spans = new Map<string, Span>();
  readonly #childrenOf = new Map<string, Set<string>>();

  constructor(maxSpans: number) {
    this.#maxSpans = maxSpans;
  }

  /** Adds spans and gives the trees that are whole now, in the order their roots came. */
  add(spans: readonly Span[]): SpanNode[] {
    const trees: SpanNode[] = [];
    for (const span of spans) this.#keep(span);
    const closing = new Set(spans.filter(closesTree).map(idOf));
    // One whose parent closes a tree, too, is a part of that one.
    for (const span of spans)
      if (closing.has(idOf(span)) && !closing.has(parentIdOf(span))) trees.push(...this.#take(idOf(span)));
    // Spans that are each other's parents have none that does not.
    for (const id of closing) trees.push(...this.#take(id));
    for (const id of this.#spans.keys()) {
      if (this.#spans.size <= this.#maxSpans) break;
      trees.push(...this.#take(id));
    }
    return trees;
  }

  /** Gives what is kept, as trees as far as they are known. */
  drain(): SpanNode[] {
    const roots = [...this.#spans.values()].filter((span) => !this.#spans.has(parentIdOf(span)));
    const trees = roots.flatMap((span) => this.#take(idOf(span)));
    // Spans that are each other's ancestors have no root.
    return [...trees, ...[...this.#spans.keys()].flatMap((id) => this.#take(id))];
  }

  #keep(span: Span): void {
    const parentId = parentIdOf(span);
    this.#spans.set(idOf(span), span);
    const siblings = this.#childrenOf.get(parentId);
    if (siblings) siblings.add(idOf(span));
    else this.#childrenOf.set(parentId, new Set([idOf(span)]));
  }

  /** The tree below a span, none when it was given out already (I1). However deep it is, no call is nested. */
  #take(id: string): SpanNode[] {
    const root = this.#takeOne(id);
    if (!root) return [];
    const growing = [root];
    for (let node = growing.pop(); node; node = growing.pop()) {
      for (const childId of [...(this.#childrenOf.get(idOf(node.span)) ?? [])]) {
        const child = this.#takeOne(childId);
        if (!child) continue;
        node.children.push(child);
        growing.push(child);
      }
      node.children.sort((a, b) => Number(a.span.startTimeUnixNano - b.span.startTimeUnixNano));
    }
    return [root];
  }

  #takeOne(id: string): SpanNode | undefined {
    const span = this.#spans.get(id);
    if (!span) return undefined;
    this.#spans.delete(id);
    const siblings = this.#childrenOf.get(parentIdOf(span));
    siblings?.delete(id);
    if (siblings?.size === 0) this.#childrenOf.delete(parentIdOf(span));
    return { span, children: [] };
  }
}

function closesTree(span: Span): boolean {
  if (span.parentSpanId.byteLength === 0) return true;
  const type = span.attributes.find(({ key }) => key === attributeNames.spanType)?.value?.value.value;
  return type === "job" || type === "task" || type === "attempt";
}

function idOf({ traceId, spanId }: Span): string {
  return `${bytesToHex(traceId)}/${bytesToHex(spanId)}`;
}

function parentIdOf({ traceId, parentSpanId }: Span): string {
  return `${bytesToHex(traceId)}/${bytesToHex(parentSpanId)}`;
}
