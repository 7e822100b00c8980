import type { RecordBatch, Vector } from "apache-arrow";
import { type HeatCounts, heatBin } from "../../charts/heat-grid.ts";
import { timeReader } from "../../waterfall/batch-rows.ts";

/** Columns that a heat map is counted from. */
export const heatColumns = ["start_time", "duration_ns", "status"] as const;

/** Counts the spans of a batch. Spans that have not ended have no duration, and are left out. */
export function countHeat(
  heat: HeatCounts,
  { firstMs, stepMs }: { firstMs: number; stepMs: number },
  batch: RecordBatch,
): void {
  const [starts, durations, status] = heatColumns.map((name) => batch.getChild(name) as Vector | null);
  const [start, duration] = [starts?.data[0], durations?.data[0]];
  if (!start || !duration || !status) throw new Error("cannot count spans: the answer has not the columns asked for");
  const startNs = timeReader(start, BigInt(Math.round(firstMs)) * 1_000_000n);
  const lengthNs = timeReader(duration, 0n);
  const failed = failedReader(status);
  const stepNs = stepMs * 1e6;
  for (let row = 0; row < batch.numRows; row++) {
    const length = lengthNs(row);
    const column = Math.floor(startNs(row) / stepNs);
    if (Number.isNaN(length) || column < 0 || column >= heat.columns) continue;
    const cell = heatBin(length) * heat.columns + column;
    heat.counts[cell]! += 1;
    if (failed(row)) heat.errors[cell]! += 1;
  }
}

/** Looks at each text of the dictionary once. */
function failedReader(status: Vector): (row: number) => boolean {
  const [data] = status.data;
  const failing = Array.from(data?.dictionary ?? [], (text) => text === "ERROR");
  const codes = data?.values as Int32Array;
  return (row) => failing[codes[row]!] === true;
}
