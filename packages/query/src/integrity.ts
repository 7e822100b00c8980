import type { Table } from "apache-arrow";

/** What a tree of spans is like. Span ids are 16 hex digits. */
export interface TreeReport {
  readonly spans: number;
  /** Spans without a parent, and job spans. */
  readonly roots: readonly string[];
  /** Spans whose parent is not among the spans. */
  readonly orphans: readonly string[];
  /** Spans without an end. */
  readonly openSpans: readonly string[];
  /** Spans by type. */
  readonly jobs: number;
  readonly tasks: number;
  readonly attempts: number;
  readonly users: number;
  /** Span ids that occur more than once. */
  readonly duplicates: readonly string[];
  /** One root, no orphan, no duplicate. */
  readonly complete: boolean;
}

/** Checks that spans form one tree. */
export function checkTree(_table: Table): TreeReport {
  throw new Error("cannot check the tree: not built yet");
}
