import { workerData } from "node:worker_threads";
import { logsToParquet, spansToParquet } from "./to-parquet.ts";

/** What a thread is started with. */
export interface ToParquetTask {
  readonly signal: "spans" | "logs";
  readonly written: string;
  readonly final: string;
}

const { signal, written, final } = workerData as ToParquetTask;
await (signal === "spans" ? spansToParquet : logsToParquet)(written, final);
