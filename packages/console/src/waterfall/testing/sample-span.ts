import { SpanColumns, type SpanRow } from "../span-columns.ts";

/** A span for tests: it starts and ends with its number, and has no parent. */
export function sampleSpan(id: number, rest: Partial<SpanRow> & { parent?: number } = {}): SpanRow {
  const { parent = 0, ...fields } = rest;
  return {
    idHigh: 0,
    idLow: id,
    parentHigh: 0,
    parentLow: parent,
    start: id,
    end: id + 1,
    name: 0,
    facts: 0,
    attempt: 0,
    blockedMs: 0,
    queuedMs: 0,
    backoffMs: 0,
    ...fields,
  };
}

/** Columns of such spans. */
export function sampleColumns(...spans: readonly SpanRow[]): SpanColumns {
  const columns = new SpanColumns();
  for (const span of spans) columns.put(span);
  return columns;
}
