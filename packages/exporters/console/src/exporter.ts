import {
  configureExporter,
  type Environment,
  type Exporter,
  type ExportResult,
  exported,
  optionsFromEnv,
  type ShapeTelemetry,
  shapeTelemetry,
  type TelemetryBatch,
} from "@spanloom/exporter";
import { type ConsoleOptions, consoleVariables, type TextSink } from "./config.ts";
import { logJson, spanJson } from "./json-line.ts";
import { PendingSpans } from "./pending-spans.ts";
import { logText, type Paint, paintFor, type Style, treeText } from "./tree-text.ts";
import { writeText } from "./write-text.ts";

/**
 * Prints spans and log records: a tree as each task ends, or one JSON object a line.
 *
 * A tree appears when its attempt, task, job or root span has ended; spans whose parent never does appear at shutdown.
 */
export class ConsoleExporter implements Exporter {
  readonly name = "console";
  readonly shape: ShapeTelemetry | undefined;
  readonly #stream: TextSink;
  readonly #asJson: boolean;
  readonly #paint: Paint;
  readonly #pending: PendingSpans;
  readonly #ended = Promise.withResolvers<void>();
  #isShutDown = false;

  constructor({ stream = process.stdout, format, color, maxPendingSpans = 10_000, shape }: ConsoleOptions = {}) {
    this.shape = shape && shapeTelemetry(shape);
    this.#stream = stream;
    this.#asJson = format === "json";
    this.#paint = paintFor(color ?? stream.isTTY === true);
    this.#pending = new PendingSpans(maxPendingSpans);
  }

  async export(batch: TelemetryBatch): Promise<ExportResult> {
    if (this.#isShutDown) return { outcome: "failed", message: "cannot export: the exporter is shut down" };
    return this.#write(this.#asJson ? jsonLines(batch) : this.#treeLines(batch));
  }

  async shutdown(): Promise<void> {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    await this.#write(this.#pending.drain().map((tree) => treeText(tree, this.#style())));
    this.#ended.resolve();
  }

  #treeLines({ traces, logs }: TelemetryBatch): string[] {
    const records = (logs?.resourceLogs ?? []).flatMap(({ scopeLogs }) => scopeLogs.flatMap((each) => each.logRecords));
    const spans = (traces?.resourceSpans ?? []).flatMap(({ scopeSpans }) => scopeSpans.flatMap((each) => each.spans));
    return [
      ...records.map((record) => logText(record, this.#style())),
      ...this.#pending.add(spans).map((tree) => treeText(tree, this.#style())),
    ];
  }

  /** A terminal's width may change. */
  #style(): Style {
    const { isTTY, columns } = this.#stream;
    return { paint: this.#paint, columns: isTTY && columns ? columns : Number.POSITIVE_INFINITY };
  }

  /** One write for a batch: lines of several writers to one stream stay together. */
  async #write(lines: readonly string[]): Promise<ExportResult> {
    if (lines.length === 0) return exported;
    try {
      const isTaken = await within(WRITE_LIMIT_MS, writeText(this.#stream, lines.join("")), this.#ended.promise);
      return isTaken ? exported : { outcome: "failed", message: "cannot print: the stream takes no more" };
    } catch (error) {
      return { outcome: "failed", message: `cannot print: ${error instanceof Error ? error.message : String(error)}` };
    }
  }
}

/** How long a stream may take; what it has not taken by then it may still print. */
const WRITE_LIMIT_MS = 10_000;

/** Whether a promise resolves in time, before another one does. */
async function within(limitMs: number, promise: Promise<void>, end: Promise<void>): Promise<boolean> {
  const late = Promise.withResolvers<boolean>();
  const timer = setTimeout(() => late.resolve(false), limitMs);
  try {
    return await Promise.race([promise.then(() => true), late.promise, end.then(() => false)]);
  } finally {
    clearTimeout(timer);
  }
}

function jsonLines({ traces, logs }: TelemetryBatch): string[] {
  const lines: string[] = [];
  for (const { resource, scopeSpans } of traces?.resourceSpans ?? []) {
    for (const { spans } of scopeSpans) for (const span of spans) lines.push(`${spanJson(span, resource)}\n`);
  }
  for (const { resource, scopeLogs } of logs?.resourceLogs ?? []) {
    for (const { logRecords } of scopeLogs) for (const each of logRecords) lines.push(`${logJson(each, resource)}\n`);
  }
  return lines;
}

/**
 * Prints spans and log records; see {@link ConsoleExporter}.
 *
 * Errors: INVALID_FIELD for an option out of its domain.
 */
export function consoleExporter(options: ConsoleOptions = {}): ConsoleExporter {
  return new ConsoleExporter(options);
}

/**
 * As {@link consoleExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable that is malformed.
 */
export function exporterFromEnv(env: Environment, options: ConsoleOptions = {}): ConsoleExporter {
  return consoleExporter(optionsFromEnv(consoleVariables, env, options));
}

/**
 * Prints what every runner of this process traces, too: one line before the runner is made. Options beat the environment.
 * Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureConsole(options: ConsoleOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
