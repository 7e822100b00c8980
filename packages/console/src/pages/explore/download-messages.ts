import type { AggregateInput, SpanConditions } from "@spanloom/query";

/** The formats that a page offers. */
export const downloadFormats = ["arrow", "parquet", "csv"] as const;

export type DownloadFormat = (typeof downloadFormats)[number];

/** What is to be made a file of. */
export interface DownloadRequest {
  url: string;
  token: string;
  conditions: SpanConditions;
  /** Groups instead of spans. */
  aggregate?: AggregateInput;
  format: DownloadFormat;
  /** Where to write it; without, the answer is a blob. */
  file?: FileSystemFileHandle;
}

/** How far it is. */
export type DownloadNews =
  | { kind: "progress"; rows: number; bytes: number }
  | { kind: "done"; rows: number; bytes: number; blob?: Blob }
  | { kind: "failed"; message: string };
