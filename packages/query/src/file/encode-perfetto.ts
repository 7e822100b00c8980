import type { ChunkBatches } from "../read-arrow.ts";
import { Lanes } from "./lanes.ts";
import { type TraceRow, traceRows } from "./trace-rows.ts";

/**
 * Spans as a trace for ui.perfetto.dev or chrome://tracing, in the JSON trace event format.
 *
 * A process is a runner, or a service where there is no runner; its threads are lanes of what ran at a time. Links are
 * flows between spans of the trace. Times count from the first span's start, whose own is in `otherData`.
 *
 * I1. Spans come by start. Of those that start together a longer one goes first, and a parent before its child.
 * I2. What is remembered is bounded by the spans open at a time, and the {@link LINKED} last jobs, tasks and attempts.
 *
 * Source: the Trace Event Format: complete (X), begin (B), instant (i), flow (s, f) and metadata (M) events.
 */
export async function* encodePerfetto(streams: AsyncIterable<ChunkBatches>): AsyncGenerator<string, void, undefined> {
  let trace: TraceEvents | undefined;
  let together: TraceRow[] = [];
  for await (const { batches } of streams) {
    for (const batch of batches) {
      const written: string[] = [];
      for (const row of traceRows(batch)) {
        if (!trace) {
          trace = new TraceEvents(row.startNs);
          written.push(opening(row.startNs));
        }
        if (together.length > 0 && together[0]!.startNs !== row.startNs) {
          trace.write(parentsFirst(together), written);
          together = [];
        }
        together.push(row);
      }
      yield written.join("");
    }
  }
  const last: string[] = [];
  if (trace) trace.write(parentsFirst(together), last);
  else last.push(opening(0n));
  yield `${last.join("")}\n]}\n`;
}

/** How many jobs, tasks and attempts a link can reach back. */
const LINKED = 200_000;

/** Everything before the events; the first is a remark, so that each of the others can begin with a comma. */
function opening(startNs: bigint): string {
  const head = `{"displayTimeUnit":"ns","otherData":{"startTimeUnixNano":"${startNs}"},"traceEvents":[`;
  return `${head}\n{"ph":"M","pid":0,"name":"trace","args":{}}`;
}

/** Spans that start together: the longest first, and parents before their children. */
function parentsFirst(rows: TraceRow[]): readonly TraceRow[] {
  if (rows.length === 1) return rows;
  const byId = new Map(rows.map((row) => [row.spanId, row]));
  const depths = new Map<string, number>();
  const depthOf = (row: TraceRow) => {
    const path: TraceRow[] = [];
    let at: TraceRow | undefined = row;
    // A cycle ends where a span is met again.
    for (; at && !depths.has(at.spanId); at = byId.get(at.parentId)) {
      depths.set(at.spanId, 0);
      path.push(at);
    }
    let depth = at ? depths.get(at.spanId)! + 1 : 0;
    for (const each of path.reverse()) depths.set(each.spanId, depth++);
    return depths.get(row.spanId)!;
  };
  const ranked = rows.map((row) => ({ row, depth: depthOf(row), endNs: row.endNs ?? 2n ** 63n }));
  ranked.sort((a, b) => (a.endNs === b.endNs ? a.depth - b.depth : a.endNs > b.endNs ? -1 : 1));
  return ranked.map(({ row }) => row);
}

interface Process {
  readonly pid: number;
  readonly lanes: Lanes;
  /** Lanes that have been given a name. */
  named: number;
}

/** Where a span is drawn. */
interface Place {
  readonly track: string;
  readonly startNs: bigint;
  readonly endNs: bigint | undefined;
}

/** Turns spans into events. */
class TraceEvents {
  readonly #originNs: bigint;
  readonly #processes = new Map<string, Process>();
  readonly #places = new Map<string, Place>();
  #flows = 0;

  constructor(originNs: bigint) {
    this.#originNs = originNs;
  }

  write(rows: readonly TraceRow[], out: string[]): void {
    for (const row of rows) this.#span(row, out);
  }

  #span(row: TraceRow, out: string[]): void {
    const track = this.#track(row, out);
    const facts = row.endNs === undefined ? `"open":true,${row.facts}` : row.facts;
    const what = `"name":${JSON.stringify(row.name)},"cat":"${row.type}",${track},"ts":${this.#us(row.startNs)}`;
    const how = row.endNs === undefined ? `"ph":"B"` : `"ph":"X","dur":${micros(row.endNs - row.startNs)}`;
    out.push(`,\n{${how},${what},"args":{${facts}}}`);
    for (const event of row.events) {
      const at = `"name":${JSON.stringify(event.name)},"cat":"event",${track},"ts":${this.#us(event.timeNs)}`;
      out.push(`,\n{"ph":"i","s":"t",${at},"args":{${event.facts}}}`);
    }
    for (const link of row.links) this.#flow(link, row, track, out);
    if (row.type !== "user") this.#remember(row.spanId, { track, startNs: row.startNs, endNs: row.endNs });
  }

  /** The process and thread of a span, as members of an event. */
  #track(row: TraceRow, out: string[]): string {
    const ran = row.runner !== "" && row.type !== "job" && row.type !== "task";
    const name = ran ? `runner ${row.runner}` : row.service || "no service";
    let process = this.#processes.get(name);
    if (!process) {
      process = { pid: this.#processes.size + 1, lanes: new Lanes(), named: 0 };
      this.#processes.set(name, process);
      out.push(`,\n{"ph":"M","pid":${process.pid},"name":"process_name","args":{"name":${JSON.stringify(name)}}}`);
      out.push(`,\n{"ph":"M","pid":${process.pid},"name":"process_sort_index","args":{"sort_index":${process.pid}}}`);
    }
    const { pid, lanes } = process;
    const track = `"pid":${pid},"tid":${lanes.place(row)}`;
    while (process.named < lanes.count) {
      const tid = ++process.named;
      out.push(`,\n{"ph":"M","pid":${pid},"tid":${tid},"name":"thread_name","args":{"name":"lane ${tid}"}}`);
      out.push(`,\n{"ph":"M","pid":${pid},"tid":${tid},"name":"thread_sort_index","args":{"sort_index":${tid}}}`);
    }
    return track;
  }

  /** An arrow from the end of the span linked to, if it is known, to the start of the one that links. */
  #flow({ spanId, kind }: TraceRow["links"][number], row: TraceRow, track: string, out: string[]): void {
    const from = this.#places.get(spanId);
    if (!from) return;
    const id = ++this.#flows;
    const what = `"id":${id},"name":${JSON.stringify(kind)},"cat":"link"`;
    out.push(`,\n{"ph":"s",${what},${from.track},"ts":${this.#us(leaving(from, row.startNs))}}`);
    out.push(`,\n{"ph":"f","bp":"e",${what},${track},"ts":${this.#us(row.startNs)}}`);
  }

  #remember(spanId: string, place: Place): void {
    this.#places.set(spanId, place);
    if (this.#places.size <= LINKED) return;
    for (const oldest of this.#places.keys()) {
      this.#places.delete(oldest);
      return;
    }
  }

  /** Microseconds since the first span, to the nanosecond. */
  #us(timeNs: bigint): string {
    return micros(timeNs - this.#originNs);
  }
}

/** When an arrow leaves a span: inside of it, and not after it arrives. */
function leaving({ startNs, endNs }: Place, arrivesNs: bigint): bigint {
  const last = endNs === undefined ? arrivesNs : endNs - 1n;
  const wanted = last < arrivesNs ? last : arrivesNs;
  return wanted < startNs ? startNs : wanted;
}

function micros(ns: bigint): string {
  const sign = ns < 0n ? "-" : "";
  const digits = String(ns < 0n ? -ns : ns).padStart(4, "0");
  return `${sign}${digits.slice(0, -3)}.${digits.slice(-3)}`;
}
