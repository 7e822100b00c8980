import { SpanloomError, type SpanTypeName } from "@spanloom/protocol";
import { DataType, type Table, type Vector } from "apache-arrow";
import { int64Minimum, int64Offsets, requireColumn } from "../column-values.ts";
import { parseSpanId } from "../span-index.ts";
import { type SpanTree, spanTree } from "../span-tree.ts";
import type { RenderOptions } from "./options.ts";
import { plainText } from "./text-width.ts";

/** One span of a drawing. Times are nanoseconds from the drawing's left edge. */
export interface SpanLine {
  /** Lines of the tree that lead to it, two cells a level. */
  readonly guide: string;
  readonly name: string;
  readonly type: SpanTypeName;
  /** Failed: status ERROR. */
  readonly error: boolean;
  /** Has no end yet. */
  readonly open: boolean;
  readonly startNs: number;
  /** End, or the right edge of the drawing for an open span. */
  readonly endNs: number;
  /** Number of the attempt, 0 when it is none. */
  readonly attempt: number;
  readonly outcome: string;
  readonly statusMessage: string;
}

/** What a drawing shows. */
export interface SpanDrawing {
  readonly lines: readonly SpanLine[];
  /** Spans below the chosen root, drawn or not. */
  readonly spans: number;
  readonly errors: number;
  readonly open: number;
  /** From the earliest start to the latest end. */
  readonly totalNs: number;
  /** Spans that are not drawn, and how many of them failed. */
  readonly hidden: number;
  readonly hiddenErrors: number;
}

/**
 * The spans to draw, parents before children, siblings by start time.
 *
 * Only rows that are drawn are read as text; a table of any size can be drawn with `maxRows`.
 *
 * Errors: INVALID_FIELD when a needed column is missing, `root` is not in the table or `maxRows` is not a whole number
 * from 1.
 */
export function spanDrawing(
  table: Table,
  { root, maxRows = Number.POSITIVE_INFINITY, now }: RenderOptions,
): SpanDrawing {
  if (maxRows !== Number.POSITIVE_INFINITY && !(Number.isSafeInteger(maxRows) && maxRows >= 1))
    throw new SpanloomError("INVALID_FIELD", `cannot draw spans: maxRows ${maxRows} is not a whole number from 1`);
  const tree = spanTree(table);
  const walked = walk(tree, root === undefined ? tree.roots : [rowOfSpan(tree, root)]);
  const times = timesOf(table, walked.rows, now);
  const columns = columnsOf(table);
  const failed = (row: number): boolean => columns.status(row) === "ERROR";
  const drawn = walked.rows.slice(0, maxRows);
  const hidden = walked.rows.slice(maxRows);
  const hiddenErrors = hidden.filter(failed).length;
  return {
    lines: drawn.map((row, index) => ({
      guide: walked.guides(index),
      name: plainText(columns.name(row)),
      type: columns.type(row) as SpanTypeName,
      error: failed(row),
      open: times.open(row),
      startNs: times.start(row),
      endNs: times.end(row),
      attempt: columns.attempt(row),
      outcome: plainText(columns.outcome(row)),
      statusMessage: plainText(columns.statusMessage(row)),
    })),
    spans: walked.rows.length,
    errors: drawn.filter(failed).length + hiddenErrors,
    open: walked.rows.filter(times.open).length,
    totalNs: times.totalNs,
    hidden: hidden.length,
    hiddenErrors,
  };
}

function rowOfSpan(tree: SpanTree, spanId: string): number {
  const row = tree.index.rowOf(...parseSpanId(spanId));
  if (row !== -1) return row;
  throw new SpanloomError("INVALID_FIELD", `cannot draw spans: root "${spanId}" is not a span id of the table`, {
    field: "root",
  });
}

interface Walk {
  readonly rows: readonly number[];
  /** Guide of the line at an index. */
  guides(index: number): string;
}

/** Rows below the given ones, depth first. A loop, not a recursion: chains of tasks can be deep. */
function walk(tree: SpanTree, from: readonly number[]): Walk {
  const rows: number[] = [];
  const depths: number[] = [];
  const lasts: boolean[] = [];
  const stack = from.map((row, index) => ({ row, depth: 0, last: index === from.length - 1 })).reverse();
  for (let at = stack.pop(); at; at = stack.pop()) {
    rows.push(at.row);
    depths.push(at.depth);
    lasts.push(at.last);
    const children = tree.childrenOf(at.row);
    for (let i = children.length - 1; i >= 0; i--) {
      stack.push({ row: children[i]!, depth: at.depth + 1, last: i === children.length - 1 });
    }
  }
  return { rows, guides: guidesOf(depths, lasts) };
}

/** Guides by index; must be asked for in order, as each is made from the one before. */
function guidesOf(depths: readonly number[], lasts: readonly boolean[]): (index: number) => string {
  const open: string[] = [];
  return (index) => {
    const depth = depths[index]!;
    if (depth === 0) {
      open.length = 0;
      return "";
    }
    open.length = depth - 1;
    const guide = open.join("") + (lasts[index] ? "└ " : "├ ");
    open.push(lasts[index] ? "  " : "│ ");
    return guide;
  };
}

interface Times {
  readonly totalNs: number;
  start(row: number): number;
  end(row: number): number;
  open(row: number): boolean;
}

function timesOf(table: Table, rows: readonly number[], now: Date | undefined): Times {
  const startColumn = requireColumn(table, "start_time");
  const base = int64Minimum(startColumn) ?? 0n;
  const starts = int64Offsets(startColumn, base);
  const ends = int64Offsets(requireColumn(table, "end_time"), base);
  let [left, right] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  let anyOpen = false;
  for (const row of rows) {
    anyOpen ||= Number.isNaN(ends[row]);
    left = Math.min(left, starts[row]!);
    right = Math.max(right, starts[row]!, Number.isNaN(ends[row]) ? starts[row]! : ends[row]!);
  }
  if (anyOpen && now) right = Math.max(right, Number(BigInt(now.getTime()) * 1_000_000n - base));
  return {
    totalNs: rows.length === 0 ? 0 : right - left,
    start: (row) => starts[row]! - left,
    end: (row) => (Number.isNaN(ends[row]) ? right : ends[row]!) - left,
    open: (row) => Number.isNaN(ends[row]),
  };
}

interface TextColumns {
  name(row: number): string;
  type(row: number): string;
  status(row: number): string;
  outcome(row: number): string;
  statusMessage(row: number): string;
  attempt(row: number): number;
}

/** Readers for columns; those but the name may be absent. */
function columnsOf(table: Table): TextColumns {
  const text = (column: Vector | null, fallback: string): ((row: number) => string) => {
    if (!column || !(DataType.isUtf8(column.type) || DataType.isDictionary(column.type))) return () => fallback;
    return (row) => (column.get(row) as string | null) ?? fallback;
  };
  const attempt = table.getChild("attempt");
  return {
    name: text(requireColumn(table, "name"), ""),
    type: text(table.getChild("type"), "user"),
    status: text(table.getChild("status"), "UNSET"),
    outcome: text(table.getChild("outcome"), ""),
    statusMessage: text(table.getChild("status_message"), ""),
    attempt: (row) => Number(attempt?.get(row) ?? 0),
  };
}
