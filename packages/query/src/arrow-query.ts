import type { ArrowChunk } from "@spanloom/protocol";
import { encoderOf, openScratch, writeFile } from "@spanloom/query/platform";
import type { RecordBatch, Table, TypeMap } from "apache-arrow";
import { streamsOf } from "./file/encoders.ts";
import {
  type FileFormat,
  type FileOptions,
  type FileResult,
  fileFormat,
  isTraceFormat,
  type TraceFormat,
} from "./file/file-format.ts";
import { toBlob } from "./file/to-blob.ts";
import { invalidField } from "./invalid.ts";
import { readBatches } from "./read-arrow.ts";
import { toArrowTable } from "./to-arrow.ts";
import { type DataFrame, toDataFrame } from "./to-data-frame.ts";

/** Limits on one run of a query. */
export interface RunOptions {
  /** Ends the query; the run rejects with the signal's reason. */
  readonly signal?: AbortSignal;
  /** Longest time the whole answer may take, in milliseconds. Default: none. */
  readonly timeoutMs?: number;
}

/** What a browser needs to write Parquet. */
export interface ParquetOption {
  /** The module `parquet-wasm`, ready to be used. Default: the package that is installed; none in a browser. */
  readonly parquet?: object;
}

/** Runs the query and gives its answer piece by piece. */
export type ArrowSource = (options: RunOptions) => AsyncIterable<ArrowChunk>;

/**
 * A query that has been described but not run; each method runs it once.
 *
 * A query is immutable and may be run any number of times, also at the same time.
 *
 * Errors: every method rejects with a SpanloomError: INVALID_FIELD and UNSUPPORTED_QUERY (caller),
 * TELEMETRY_UNAVAILABLE, STORE_UNAVAILABLE, OVERLOADED and DEADLINE_EXCEEDED (transient, back off).
 */
export abstract class ArrowQuery<Columns extends TypeMap> {
  readonly #source: ArrowSource;

  constructor(source: ArrowSource) {
    this.#source = source;
  }

  /**
   * Runs the query and holds the whole answer as one Arrow table.
   *
   * The columns are views of the bytes received; a dictionary column has one dictionary throughout.
   *
   * Shape: as many rows as matched; with none, a table of zero rows that still has its schema.
   */
  toArrow(options: RunOptions = {}): Promise<Table<Columns>> {
    return toArrowTable<Columns>(this.#run(options));
  }

  /**
   * Runs the query and gives its answer batch by batch, holding one piece of it in memory at a time.
   *
   * Leaving the loop ends the query. Each batch has dictionaries of its own.
   *
   * Shape: batches of any size; with no rows, nothing is yielded.
   */
  stream(options: RunOptions = {}): AsyncGenerator<RecordBatch<Columns>, void, undefined> {
    return readBatches<Columns>(this.#run(options));
  }

  /** Runs the query and holds the whole answer as an Arquero table; see {@link toDataFrame} for its values. */
  async toDataFrame(options: RunOptions = {}): Promise<DataFrame> {
    return toDataFrame(await this.toArrow(options));
  }

  /**
   * Runs the query and writes its answer to a file, holding one piece of it in memory at a time.
   *
   * The extension decides the format: `.arrow`, `.parquet`, `.csv`, `.json` or `.jsonl`; for spans also `.perfetto.json`, a trace
   * for ui.perfetto.dev; for spans and log records `.otlp.json` and `.otlp.jsonl`, OTLP as one request or one a line.
   * The file appears whole or not at all.
   *
   * Errors: INVALID_STATE in a browser, which has no files.
   */
  async toFile(path: string, options: RunOptions & FileOptions = {}): Promise<FileResult> {
    const format = fileFormat(path, options);
    const { onRows } = options;
    return writeFile(path, this.#run(options, this.#sourceOf(format)), { format, ...(onRows && { onRows }) });
  }

  /**
   * Runs the query and gives what {@link toFile} would write, piece by piece as it comes: for a pipe or a request.
   *
   * Leaving the loop ends the query. Formats that say at their end what comes first keep what they must on disk.
   *
   * Shape: pieces of any size; `onRows` is told of rows when their pieces have been taken.
   * Errors: INVALID_STATE for Parquet in a browser that is not given its writer.
   */
  async *encode(
    format: FileFormat,
    options: RunOptions & ParquetOption & Pick<FileOptions, "onRows"> = {},
  ): AsyncGenerator<Uint8Array | string, void, undefined> {
    const known = fileFormat("", { format });
    const encode = await encoderOf(known, options.parquet);
    const chunks = this.#run(options, this.#sourceOf(known));
    yield* encode(streamsOf(chunks, { rows: 0 }, options.onRows), openScratch);
  }

  /**
   * Runs the query and gives its answer as the bytes of a file of a format, for a page to offer or to send on.
   *
   * What {@link toFile} writes is in it. Browsers keep blobs outside of a page's heap.
   *
   * Errors: INVALID_STATE for Parquet in a browser that is not given its writer.
   */
  async toBlob(format: FileFormat, options: RunOptions & ParquetOption = {}): Promise<Blob> {
    const known = fileFormat("", { format });
    return toBlob(known, await encoderOf(known, options.parquet), this.#run(options, this.#sourceOf(known)));
  }

  #sourceOf(format: FileFormat): ArrowSource {
    return isTraceFormat(format) ? this.traceSource(format) : this.#source;
  }

  /**
   * What to ask for to write a format that needs columns of its own.
   *
   * Errors: INVALID_FIELD when the query cannot be written so.
   */
  protected traceSource(format: TraceFormat): ArrowSource {
    throw invalidField("format", format, "is for spans and log records; this query gives other rows");
  }

  /** Starts the source when the answer is first asked for, so that its errors reject like any other. */
  async *#run(options: RunOptions, source: ArrowSource = this.#source): AsyncGenerator<ArrowChunk, void, undefined> {
    yield* source(options);
  }
}
