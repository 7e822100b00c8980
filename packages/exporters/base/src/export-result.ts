/** Records of a batch that a backend refused although it took the rest. */
export interface RejectedRecords {
  readonly spans: number;
  readonly logRecords: number;
  /** The backend's words, for people; may be empty. */
  readonly message: string;
}

/**
 * What became of one batch.
 *
 * - `exported`: the backend took it, but for `rejected` records, which MUST NOT be sent again.
 * - `retry`: it was not taken and the same batch may be taken later, not before `retryAfterMs` when given.
 * - `failed`: it was not taken and never will be.
 */
export type ExportResult =
  | { readonly outcome: "exported"; readonly rejected?: RejectedRecords }
  | { readonly outcome: "retry"; readonly message: string; readonly retryAfterMs?: number }
  | { readonly outcome: "failed"; readonly message: string };

/** The result of a batch that was taken whole. */
export const exported: ExportResult = { outcome: "exported" };
