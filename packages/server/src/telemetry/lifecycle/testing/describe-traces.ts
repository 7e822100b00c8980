/** A row of the spans table, as rowsOf reads it. */
export type SpanRow = Readonly<Record<string, unknown>>;

interface Nested {
  name: string;
  time: bigint;
  trace_id: string;
  span_id: string;
  attributes: [string, string][];
  attribute_types: [string, string][];
}

const NO_SPAN = "0".repeat(16);
const NO_JOB = "0".repeat(32);

/**
 * Span rows as trees for people: names, kinds, parents, links, events and attributes; ids by what they name, times from
 * the first span's start, so that only what a trace means is left.
 */
export function describeTraces(rows: readonly SpanRow[]): string {
  const spans = rows.toSorted(byCreation);
  const names = new Names(spans);
  const [startNs] = spans.map((row) => row.start_time as bigint).sort((a, b) => (a < b ? -1 : 1)) as [bigint];
  const lines: string[] = [];
  const append = (row: SpanRow, indent: string): void => {
    lines.push(...describeSpan(row, { names, startNs }).map((line) => indent + line), "");
    for (const child of spans) {
      if (child.parent_span_id === row.span_id) append(child, `${indent}    `);
    }
  };
  const known = new Set(spans.map((row) => row.span_id));
  for (const row of spans) if (!known.has(row.parent_span_id)) append(row, "");
  return `${lines.join("\n").trimEnd()}\n`;
}

/** Ids are minted in order, and all of one store's life share their first digits. */
function byCreation(a: SpanRow, b: SpanRow): number {
  return sortKey(a) < sortKey(b) ? -1 : 1;
}

function sortKey({ job_id: job, task_id: task, attempt }: SpanRow): string {
  return `${job} ${task} ${String(attempt).padStart(3, "0")}`;
}

function isFiring({ type, job_id: job }: SpanRow): boolean {
  return type === "user" && job === NO_JOB;
}

/** Ids by what they name. */
class Names {
  readonly #names = new Map<string, string>();
  readonly #counts = new Map<string, number>();

  constructor(spans: readonly SpanRow[]) {
    for (const row of spans) {
      if (isFiring(row)) {
        this.#add(row.span_id as string, row.name as string);
        this.#add(row.trace_id as string, `trace of ${row.name}`);
        continue;
      }
      const isJob = row.type === "job";
      if (isJob) this.#add(row.job_id as string, `job ${row.job_name}`);
      if (row.type === "task") this.#add(row.task_id as string, `task ${row.task_name}`);
      const of = this.of((isJob ? row.job_id : row.task_id) as string);
      this.#names.set(row.span_id as string, row.type === "attempt" ? `attempt ${row.attempt} of ${of}` : of);
    }
    // The trace a job owns has its id; a caller's trace is shown as it came.
    for (const row of spans) {
      if (row.trace_id === row.job_id) this.#names.set(row.trace_id as string, this.of(row.job_id as string));
    }
    for (const { runner_id: runner } of spans) if (runner !== "") this.#add(runner as string, "runner");
  }

  /** The name of an id, with or without dashes; the id itself when it names nothing known. */
  of(id: string): string {
    return this.#names.get(id.replaceAll("-", "")) ?? id;
  }

  #add(id: string, name: string): void {
    const key = id.replaceAll("-", "");
    if (this.#names.has(key)) return;
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    this.#names.set(key, `<${name}${count > 1 ? ` ${count}` : ""}>`);
  }
}

interface Context {
  names: Names;
  startNs: bigint;
}

function describeSpan(row: SpanRow, context: Context): string[] {
  const { names, startNs } = context;
  const ended = (row.duration_ns as bigint) >= 0n;
  const from = ms((row.start_time as bigint) - startNs);
  const to = ended ? ms((row.start_time as bigint) - startNs + (row.duration_ns as bigint)) : "open";
  const message = row.status_message === "" ? "" : ` ${JSON.stringify(row.status_message)}`;
  return [
    `${row.name}  ${row.kind} ${row.type}  ${from} .. ${to}`,
    `  status ${row.status}${message}, outcome ${row.outcome || "none"}`,
    `  trace ${names.of(row.trace_id as string)}, parent ${row.parent_span_id === NO_SPAN ? "none" : names.of(row.parent_span_id as string)}, flags ${row.flags}, state "${row.trace_state}"`,
    ...describeAttributes(row, names).map((line) => `  ${line}`),
    ...(row.events as Nested[]).flatMap((event) => [
      `  event ${ms(event.time - startNs)} ${event.name}`,
      ...describeAttributes(event, names).map((line) => `    ${line}`),
    ]),
    ...(row.links as Nested[]).flatMap((link) => [
      `  link to ${names.of(link.span_id)} in ${names.of(link.trace_id)}`,
      ...describeAttributes(link, names).map((line) => `    ${line}`),
    ]),
    ...(["attributes", "events", "links"] as const)
      .filter((what) => row[`dropped_${what}`] !== 0)
      .map((what) => `  dropped ${what} ${row[`dropped_${what}`]}`),
  ];
}

function describeAttributes({ attributes, attribute_types: types }: SpanRow | Nested, names: Names): string[] {
  const byKey = new Map(types as [string, string][]);
  return (attributes as [string, string][]).map(([key, value]) => {
    const type = byKey.get(key);
    return `${key} = ${type === undefined ? JSON.stringify(names.of(value)) : `${value} (${type})`}`;
  });
}

function ms(ns: bigint): string {
  return `${Number(ns) / 1e6}ms`;
}
