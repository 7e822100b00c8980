/** A span, as far as it tells where code ran. Texts are empty where there is nothing to tell. */
export interface TracedSpan {
  traceId: string;
  spanId: string;
  parentId: string;
  type: string;
  taskId: string;
  taskName: string;
  runnerId: string;
  service: string;
  /** `telemetry.sdk.language` of what sent it. */
  language: string;
  /** Spans that it links to. */
  links: readonly string[];
}

/** A log record, as far as it tells where it was written. */
export type TracedLog = Pick<TracedSpan, "traceId" | "spanId" | "taskId" | "runnerId" | "service" | "language">;

/** What one runtime did. */
export interface RuntimeShare {
  /** As OpenTelemetry names it, e.g. `nodejs`; `unknown` of runners that sent no telemetry. */
  language: string;
  service: string;
  tasks: string[];
  attempts: number;
  /** Spans that its code made, those of attempts aside. */
  spans: number;
  logs: number;
}

/** How many tasks of one language came from, or waited for, tasks of another. */
export interface Crossing {
  from: string;
  to: string;
  tasks: number;
}

/** What the trace of a job shows about the runtimes it ran in. */
export interface RuntimeFacts {
  runtimes: RuntimeShare[];
  /** Tasks that an attempt submitted, from its language to the one they ran in, the same one included; most first. */
  submitted: Crossing[];
  /** Tasks that a task waited for, from their language to its own; most first. */
  awaited: Crossing[];
  /** What is wrong, in words; none when it is one trace and every record stands within its own attempt. */
  problems: string[];
}

/** Reads from spans and logs of one job which runtime did what, and how they hang together. */
export function runtimeFacts(spans: readonly TracedSpan[], logs: readonly TracedLog[]): RuntimeFacts {
  const languages = languagesOf(spans, logs);
  const languageOf = (runnerId: string) => languages.get(runnerId) ?? "unknown";
  const byId = new Map(spans.map((span) => [span.spanId, span]));
  const attempts = spans.filter(({ type }) => type === "attempt");
  const ranIn = new Map(attempts.map(({ taskId, runnerId }) => [taskId, languageOf(runnerId)]));
  const tasks = spans.filter(({ type, taskId }) => type === "task" && ranIn.has(taskId));
  const submitted = tasks.flatMap(({ taskId, parentId }) => {
    const parent = byId.get(parentId);
    return parent?.type === "attempt" ? [[languageOf(parent.runnerId), ranIn.get(taskId)!] as const] : [];
  });
  const awaited = tasks.flatMap(({ taskId, links }) =>
    links.flatMap((link) => {
      const other = byId.get(link);
      return other?.type === "task" && ranIn.has(other.taskId)
        ? [[ranIn.get(other.taskId)!, ranIn.get(taskId)!] as const]
        : [];
    }),
  );
  return {
    runtimes: shares(spans, logs, languageOf),
    submitted: crossings(submitted),
    awaited: crossings(awaited),
    problems: [...unknownRuntimes(attempts, languages), ...problemsOf(spans, logs, byId)],
  };
}

/** The language of each runner that sent anything. */
export function languagesOf(spans: readonly TracedSpan[], logs: readonly TracedLog[]): Map<string, string> {
  return new Map([...spans, ...logs].flatMap((r) => (r.language ? [[r.runnerId, r.language]] : [])));
}

function shares(
  spans: readonly TracedSpan[],
  logs: readonly TracedLog[],
  languageOf: (runnerId: string) => string,
): RuntimeShare[] {
  const made = spans.filter(({ type }) => type === "user");
  const services = new Map([...logs, ...made].map(({ runnerId, service }) => [languageOf(runnerId), service]));
  const attempts = Map.groupBy(
    spans.filter(({ type }) => type === "attempt"),
    ({ runnerId }) => languageOf(runnerId),
  );
  const countIn = (records: readonly { runnerId: string }[], language: string) =>
    records.filter(({ runnerId }) => languageOf(runnerId) === language).length;
  return [...attempts].map(([language, its]) => ({
    language,
    service: services.get(language) ?? "",
    tasks: [...new Set(its.map(({ taskName }) => taskName))].sort(),
    attempts: its.length,
    spans: countIn(made, language),
    logs: countIn(logs, language),
  }));
}

function crossings(pairs: readonly (readonly [from: string, to: string])[]): Crossing[] {
  const groups = Map.groupBy(pairs, (pair) => pair.join(" "));
  return [...groups.values()]
    .map((group) => ({ from: group[0]![0], to: group[0]![1], tasks: group.length }))
    .sort((a, b) => b.tasks - a.tasks);
}

function unknownRuntimes(attempts: readonly TracedSpan[], languages: ReadonlyMap<string, string>): string[] {
  const unknown = attempts.filter(({ runnerId }) => !languages.has(runnerId)).length;
  return unknown === 0 ? [] : [`${unknown} attempts ran in no known language`];
}

function problemsOf(
  spans: readonly TracedSpan[],
  logs: readonly TracedLog[],
  byId: ReadonlyMap<string, TracedSpan>,
): string[] {
  const traces = new Set([...spans, ...logs].map(({ traceId }) => traceId));
  const strayLogs = logs.filter(({ spanId, taskId }) => byId.get(spanId)?.taskId !== taskId);
  const strayUsers = spans.filter((span) => span.type === "user" && attemptAbove(span, byId)?.taskId !== span.taskId);
  return [
    ...(traces.size === 1 ? [] : [`spans and logs are of ${traces.size} traces`]),
    ...(strayLogs.length === 0 ? [] : [`${strayLogs.length} log records are of no span of their task`]),
    ...(strayUsers.length === 0 ? [] : [`${strayUsers.length} spans do not stand below an attempt of their task`]),
  ];
}

/** The attempt that a span stands below; undefined when a parent is missing. */
function attemptAbove(span: TracedSpan, byId: ReadonlyMap<string, TracedSpan>): TracedSpan | undefined {
  const seen = new Set<string>();
  let at: TracedSpan | undefined = span;
  while (at && at.type === "user" && !seen.has(at.spanId)) {
    seen.add(at.spanId);
    at = byId.get(at.parentId);
  }
  return at?.type === "attempt" ? at : undefined;
}
