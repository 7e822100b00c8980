import {
  configureExporter,
  type Environment,
  type Exporter,
  type ExportResult,
  exported,
  type ShapeTelemetry,
  shapeTelemetry,
  type TelemetryBatch,
} from "@spanloom/exporter";
import { type ConsoleExporterOptions, consoleOptionsFromEnv, type TextSink } from "./config.ts";
import { logJson, spanJson } from "./json-line.ts";
import { PendingSpans } from "./pending-spans.ts";
import { logText, type Paint, paintFor, treeText } from "./tree-text.ts";

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
  #isShutDown = false;

  constructor({ stream, format = "tree", color = false, maxPendingSpans = 10_000, shape }: ConsoleExporterOptions) {
    this.shape = shape && shapeTelemetry(shape);
    this.#stream = stream;
    this.#asJson = format === "json";
    this.#paint = paintFor(color);
    this.#pending = new PendingSpans(maxPendingSpans);
  }

  async export(batch: TelemetryBatch): Promise<ExportResult> {
    if (this.#isShutDown) return { outcome: "failed", message: "cannot export: the exporter is shut down" };
    this.#write(this.#asJson ? jsonLines(batch) : this.#treeLines(batch));
    return exported;
  }

  async shutdown(): Promise<void> {
    if (this.#isShutDown) return;
    this.#isShutDown = true;
    this.#write(this.#pending.drain().map((tree) => treeText(tree, this.#paint)));
  }

  #treeLines({ traces, logs }: TelemetryBatch): string[] {
    const records = (logs?.resourceLogs ?? []).flatMap(({ scopeLogs }) => scopeLogs.flatMap((each) => each.logRecords));
    const spans = (traces?.resourceSpans ?? []).flatMap(({ scopeSpans }) => scopeSpans.flatMap((each) => each.spans));
    return [
      ...records.map((record) => logText(record, this.#paint)),
      ...this.#pending.add(spans).map((tree) => treeText(tree, this.#paint)),
    ];
  }

  /** One write for a batch: lines of several writers to one stream stay together. */
  #write(lines: readonly string[]): void {
    if (lines.length > 0) this.#stream.write(lines.join(""));
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
 * An exporter configured by the environment; options beat it. Without a stream it prints to standard output.
 *
 * Errors: INVALID_FIELD naming the variable that is malformed.
 */
export function exporterFromEnv(env: Environment, options: Partial<ConsoleExporterOptions> = {}): ConsoleExporter {
  return new ConsoleExporter(consoleOptionsFromEnv(env, options));
}

/**
 * Prints what every runner of this process traces, too: one line before the runner is made. Options beat the environment.
 * Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureConsole(options: Partial<ConsoleExporterOptions> = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
