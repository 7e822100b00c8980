import type { LogFilter, SpanFilter } from "@spanloom/protocol";

/** Every job a filter names, at any depth. */
export function jobIdsOf(filter: SpanFilter | LogFilter | undefined): string[] {
  const ids = new Set<string>();
  const pending: (SpanFilter | LogFilter)[] = filter ? [filter] : [];
  for (let next = pending.pop(); next; next = pending.pop()) {
    for (const id of next.jobIds) ids.add(id);
    pending.push(...next.and, ...next.or, ...(next.not ? [next.not] : []));
  }
  return [...ids];
}
