import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import {
  batchSize,
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
import { logsToJson, tracesToJson } from "@spanloom/exporter/otlp";
import {
  type ExportLogsServiceRequest,
  ExportLogsServiceRequestSchema,
  type ExportTraceServiceRequest,
  ExportTraceServiceRequestSchema,
} from "@spanloom/protocol/otlp";
import { type FileOptions, type FileSettings, fileSettingsOf, fileVariables } from "./config.ts";
import { parquetInThread } from "./parquet-in-thread.ts";
import { RotatingFile, type RotatingFileOptions } from "./rotating-file.ts";

/**
 * Writes spans and log records to files of a folder: `spans-<time>-<random>.jsonl` and `logs-…`, or `….parquet`.
 *
 * What was answered `exported` is on disk, also when the process is killed: a Parquet file is made, when it is done, of one
 * with the ending `.part` that is written like a journal, and one that a process left behind is made by the next. A disk
 * that is full, and anything else that fails there, is answered `retry`.
 *
 * Errors: the constructor throws INVALID_FIELD when the directory is missing or an option is out of its domain.
 */
export class FileExporter implements Exporter {
  readonly name = "file";
  readonly destination: string;
  readonly shape: ShapeTelemetry | undefined;
  readonly #asJson: boolean;
  readonly #spans: RotatingFile;
  readonly #logs: RotatingFile;
  /** Batches whose spans are written and whose log records are not. */
  readonly #spansTaken = new WeakSet<TelemetryBatch>();
  #isShutDown = false;

  /** `nowMs` gives epoch milliseconds. */
  constructor(options: FileOptions, nowMs: () => number = Date.now) {
    const settings = fileSettingsOf(options);
    this.destination = `${settings.format} ${settings.directory}`;
    this.shape = options.shape && shapeTelemetry(options.shape);
    this.#asJson = settings.format === "jsonl";
    this.#spans = new RotatingFile({ ...fileOf(settings, "spans"), nowMs });
    this.#logs = new RotatingFile({ ...fileOf(settings, "logs"), nowMs });
  }

  async export(batch: TelemetryBatch): Promise<ExportResult> {
    if (this.#isShutDown) return { outcome: "failed", message: "cannot export: the exporter is shut down" };
    const { spans, logRecords } = batchSize(batch);
    try {
      if (spans > 0 && !this.#spansTaken.has(batch)) await this.#spans.append(this.#encodeTraces(batch.traces!));
      this.#spansTaken.add(batch);
      if (logRecords > 0) await this.#logs.append(this.#encodeLogs(batch.logs!));
      return exported;
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      return { outcome: "retry", message: `cannot export to files: ${message}` };
    }
  }

  async shutdown(): Promise<void> {
    this.#isShutDown = true;
    await Promise.allSettled([this.#spans.close(), this.#logs.close()]);
  }

  #encodeTraces(traces: ExportTraceServiceRequest): Uint8Array {
    if (!this.#asJson) return sizeDelimitedEncode(ExportTraceServiceRequestSchema, traces);
    return Buffer.from(`${JSON.stringify(tracesToJson(traces))}\n`);
  }

  #encodeLogs(logs: ExportLogsServiceRequest): Uint8Array {
    if (!this.#asJson) return sizeDelimitedEncode(ExportLogsServiceRequestSchema, logs);
    return Buffer.from(`${JSON.stringify(logsToJson(logs))}\n`);
  }
}

function fileOf(
  { directory, format, maxFileBytes, maxFileAgeMs, maxFiles }: FileSettings,
  signal: "spans" | "logs",
): Omit<RotatingFileOptions, "nowMs"> {
  const common = { directory, prefix: signal, maxBytes: maxFileBytes, maxAgeMs: maxFileAgeMs, maxFiles };
  if (format === "jsonl") return { ...common, extension: ".jsonl", finalExtension: ".jsonl" };
  const finish = (written: string, final: string) => parquetInThread({ signal, written, final });
  return { ...common, extension: ".part", finalExtension: ".parquet", finish };
}

/**
 * Writes spans and log records to files; see {@link FileExporter}.
 *
 * Errors: INVALID_FIELD when the directory is missing or an option is out of its domain.
 */
export function fileExporter(options: FileOptions): FileExporter {
  return new FileExporter(options);
}

/**
 * As {@link fileExporter}, configured by the environment; options beat it.
 *
 * Errors: INVALID_FIELD naming the variable or option that is missing or malformed.
 */
export function exporterFromEnv(env: Environment, options: FileOptions = {}): FileExporter {
  return fileExporter(optionsFromEnv(fileVariables, env, options));
}

/**
 * Writes what every runner of this process traces to files, too: one line before the runner is made. Options beat the
 * environment. Gives a function that ends it for runners made later.
 *
 * Errors: as {@link exporterFromEnv}.
 */
export function configureFile(options: FileOptions = {}): () => void {
  return configureExporter((env) => exporterFromEnv(env, options));
}
