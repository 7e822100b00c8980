import { createReadStream } from "node:fs";
import { rename, rm, writeFile } from "node:fs/promises";
import type { DescMessage, MessageShape } from "@bufbuild/protobuf";
import { sizeDelimitedDecodeStream } from "@bufbuild/protobuf/wire";
import {
  ExportLogsServiceRequestSchema,
  ExportTraceServiceRequestSchema,
  type LogRecord,
  type Span,
} from "@spanloom/protocol/otlp";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import { type Columns, columnData, schemaOf } from "./parquet-schema.ts";
import { logColumns, type Owned, spanColumns } from "./span-columns.ts";

/** Makes a Parquet file of requests of spans that were written one after the other, and removes those. */
export function spansToParquet(written: string, final: string): Promise<void> {
  return toParquet<typeof ExportTraceServiceRequestSchema, Owned<Span>>(written, final, {
    schema: ExportTraceServiceRequestSchema,
    columns: spanColumns,
    recordsOf: ({ resourceSpans }) =>
      resourceSpans.flatMap(({ resource, scopeSpans }) =>
        scopeSpans.flatMap(({ scope, spans }) => spans.map((item) => ({ item, resource, scope }))),
      ),
  });
}

/** Makes a Parquet file of requests of log records, as {@link spansToParquet}. */
export function logsToParquet(written: string, final: string): Promise<void> {
  return toParquet<typeof ExportLogsServiceRequestSchema, Owned<LogRecord>>(written, final, {
    schema: ExportLogsServiceRequestSchema,
    columns: logColumns,
    recordsOf: ({ resourceLogs }) =>
      resourceLogs.flatMap(({ resource, scopeLogs }) =>
        scopeLogs.flatMap(({ scope, logRecords }) => logRecords.map((item) => ({ item, resource, scope }))),
      ),
  });
}

interface Signal<Schema extends DescMessage, Record> {
  readonly schema: Schema;
  readonly columns: Columns<Record>;
  readonly recordsOf: (request: MessageShape<Schema>) => Record[];
}

/** Rows of a group: what is held in memory beside the file that is made. */
const GROUP_ROWS = 20_000;

async function toParquet<Schema extends DescMessage, Record>(
  written: string,
  final: string,
  { schema, columns, recordsOf }: Signal<Schema, Record>,
): Promise<void> {
  // Two processes may take up the same orphan: each makes the same file, under a name of its own.
  const temporary = `${final}.${process.pid}.tmp`;
  const bytes = new ByteWriter();
  const writer = new ParquetWriter({ writer: bytes, schema: schemaOf(columns), createdBy: "spanloom" });
  const write = (records: readonly Record[]) =>
    writer.write({ columnData: columnData(columns, records), rowGroupSize: GROUP_ROWS });
  let waiting: Record[] = [];
  for await (const request of sizeDelimitedDecodeStream(schema, createReadStream(written))) {
    waiting.push(...recordsOf(request));
    while (waiting.length >= GROUP_ROWS) await write(waiting.splice(0, GROUP_ROWS));
  }
  if (waiting.length > 0) await write(waiting);
  waiting = [];
  writer.finish();
  try {
    await writeFile(temporary, bytes.getBytes(), { flush: true });
    await rename(temporary, final);
  } catch (error) {
    // Half a file would take room on a disk that is full.
    await rm(temporary, { force: true });
    throw error;
  }
  await rm(written, { force: true });
}
