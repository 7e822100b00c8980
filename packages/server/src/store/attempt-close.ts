import type { AttemptEnd } from "../engine/settle.ts";
import type { AttemptReport, NewTaskSet, ProgressRecord } from "./records.ts";

/** How an attempt ends and what it leaves behind. */
export interface AttemptClose {
  end: AttemptEnd;
  output: Uint8Array;
  children: NewTaskSet | undefined;
  /** Undefined: as it was. */
  display: string | undefined;
  progress: readonly ProgressRecord[];
  spanExtras: Uint8Array;
  droppedTelemetry: number;
  /** Whether its runner ended it: then the same report again is answered as the first time. */
  reported: boolean;
}

const NO_BYTES = new Uint8Array(0);

/** The close of an attempt that the store ends by itself. */
export function unreportedClose(work: { progress: readonly ProgressRecord[] }, end: AttemptEnd): AttemptClose {
  const nothing = { output: NO_BYTES, children: undefined, display: undefined, spanExtras: NO_BYTES };
  return { end, ...nothing, progress: work.progress, droppedTelemetry: 0, reported: false };
}

/** The close of an attempt as its runner reports it. */
export function reportedClose(work: { progress: readonly ProgressRecord[] }, report: AttemptReport): AttemptClose {
  const success = report.result.kind === "success" ? report.result : undefined;
  return {
    end: toAttemptEnd(report),
    output: success?.output ?? NO_BYTES,
    children: success?.children,
    display: success?.display,
    progress: report.progress.length === 0 ? work.progress : report.progress,
    spanExtras: report.spanExtras,
    droppedTelemetry: report.droppedTelemetry,
    reported: true,
  };
}

/** Whether an attempt leaves nothing behind but its output: what most do, and what takes the fewest columns to write. */
export function isPlainSuccess(work: { progress: readonly ProgressRecord[] }, close: AttemptClose): boolean {
  return (
    close.end.kind === "success" &&
    close.spanExtras.length === 0 &&
    close.progress.length === 0 &&
    work.progress.length === 0 &&
    close.display === undefined &&
    close.droppedTelemetry === 0
  );
}

function toAttemptEnd({ result }: AttemptReport): AttemptEnd {
  switch (result.kind) {
    case "success":
      return { kind: "success", hasChildren: result.children !== undefined };
    case "failure":
      return result;
    case "released":
      return { kind: "released" };
  }
}
