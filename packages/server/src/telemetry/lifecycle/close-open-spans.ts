import { attributeNames, type Outcome } from "@spanloom/protocol";
import { RecordBatchReader, Table, tableToIPC } from "apache-arrow";
import { DATABASE } from "../columnar/schema.sql.ts";
import type { SpanStore, Statement } from "../columnar/span-store.ts";
import { spanColumns } from "../columns/span-columns.ts";
import { hexIdsSql } from "../query/ids.ts";
import { Parameters } from "../query/parameters.ts";

/** An attempt whose code is not running any more, whatever of its spans is open. */
export interface StoppedAttempt {
  traceId: string;
  taskId: string;
  attempt: number;
  endedAtUs: number;
  outcome: Outcome;
}

/** Attempts of one statement: their names and ends are its parameters, some 60 bytes each. */
const MAX_ATTEMPTS = 1_000;

/**
 * The second highest bit of a version: a span that the server ended is newer than what was sent of it while it was open,
 * and older than what its own process sends of it yet, with the highest.
 */
const CLOSED = "toUInt64(4611686018427387904)";

/** Ends the user spans that attempts left open, each with its attempt and its outcome. Errors: those of the store. */
export async function closeOpenSpans(
  store: Pick<SpanStore, "stream" | "insert">,
  attempts: readonly StoppedAttempt[],
): Promise<void> {
  for (let from = 0; from < attempts.length; from += MAX_ATTEMPTS) {
    for await (const { ipc, rows } of store.stream(planClosedSpans(attempts.slice(from, from + MAX_ATTEMPTS)))) {
      if (rows === 0) continue;
      for (const reader of RecordBatchReader.readAll(ipc)) {
        const table = new Table(reader);
        if (table.numRows > 0)
          await store.insert({ table: "spans", ipc: [tableToIPC(table, "stream")], rows: table.numRows });
      }
    }
  }
}

/** The open spans of attempts as they are to be stored, in the columns of an insert. */
function planClosedSpans(attempts: readonly StoppedAttempt[]): Statement {
  const parameters = new Parameters();
  const ids = [...new Set(attempts.map(({ traceId }) => traceId))];
  const traces = hexIdsSql("trace_id", { ids, size: 16, field: "trace_id" }, parameters);
  const list = (values: readonly string[]) => parameters.bind("Array(String)", values);
  const names = list(attempts.map(({ taskId, attempt }) => `${taskId.replaceAll("-", "")}:${attempt}`));
  const endsNs = list(attempts.map(({ endedAtUs }) => `${BigInt(Math.round(endedAtUs)) * 1000n}`));
  const outcome = `${list(attempts.map((attempt) => attempt.outcome))}[place]`;
  const changed: Record<string, string> = {
    duration_ns: `greatest(toInt64(0), toInt64(${endsNs}[place]) - toUnixTimestamp64Nano(start_time))`,
    outcome,
    attributes: `mapConcat(CAST(attributes, 'Map(String, String)'), map('${attributeNames.outcome}', ${outcome}))`,
    version: `bitOr(version, ${CLOSED})`,
  };
  const columns = Object.keys(spanColumns()).map((name) => (changed[name] ? `${changed[name]} AS ${name}` : name));
  const sql = `SELECT ${columns.join(", ")}
FROM (
SELECT *, indexOf(${names}, concat(lower(hex(task_id)), ':', toString(attempt))) AS place
FROM ${DATABASE}.spans FINAL
WHERE ${traces} AND type = 'user' AND duration_ns < 0
)
WHERE place > 0
SETTINGS output_format_arrow_low_cardinality_as_dictionary = 0`;
  return { sql, params: parameters.values };
}
