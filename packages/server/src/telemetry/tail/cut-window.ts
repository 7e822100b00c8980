import { tableFromIPC } from "apache-arrow";
import type { SpanStore, TelemetryTable } from "../columnar/span-store.ts";
import { planArrivals, type Window } from "../query/tail-plan.ts";

/** Part of a window, and how many stored rows came in it. */
export interface WindowPiece extends Window {
  rows: bigint;
}

/** Cuts a window of a table into pieces of about so many rows each; rows that came at one time stay together. */
export async function cutWindow(
  store: Pick<SpanStore, "stream">,
  table: TelemetryTable,
  window: Window,
  rowsAtATime: bigint,
): Promise<WindowPiece[]> {
  const pieces: WindowPiece[] = [];
  let [fromUs, rows] = [window.fromUs, 0n];
  for await (const { ipc } of store.stream(planArrivals(table, window))) {
    for (const { at, stored } of tableFromIPC(ipc) as Iterable<{ at: bigint; stored: bigint }>) {
      if (rows > 0n && rows + stored > rowsAtATime) {
        pieces.push({ fromUs, untilUs: at, rows });
        [fromUs, rows] = [at, 0n];
      }
      rows += stored;
    }
  }
  return [...pieces, { fromUs, untilUs: window.untilUs, rows }];
}
