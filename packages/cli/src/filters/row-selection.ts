import type { AttributeColumnInput } from "@spanloom/query";
import type { Command } from "commander";
import { UsageError } from "../cli-context.ts";
import { wholeNumber } from "../flag-values.ts";
import { appendList } from "./filter-values.ts";

/** Flags that say which columns of how many rows to return, in which order. */
export interface SelectionFlags {
  columns?: string[];
  order?: string[];
  limit?: number;
}

/** What to return, as queries take it. */
export interface RowSelection<Column extends string> {
  columns?: (Column | AttributeColumnInput)[];
  orderBy?: { column: string; descending: boolean }[];
  limit?: number;
}

/** Adds the options that {@link rowSelection} reads. */
export function addSelectionOptions(command: Command): Command {
  return command
    .option(
      "--columns <names>",
      "columns to return, separated by commas: those of docs/schema.md, attributes.KEY, resource.KEY; KEY:int64 for its type",
      appendList,
    )
    .option("--order <columns>", "columns to sort by, separated by commas; NAME:desc for the largest first", appendList)
    .option("--limit <n>", "most rows to read", wholeNumber("--limit", 1));
}

/** What to return, from flags. Errors: UsageError. */
export function rowSelection<Column extends string>({ columns, order, limit }: SelectionFlags): RowSelection<Column> {
  return {
    ...(columns && { columns: columns.map((name) => columnOf<Column>(name)) }),
    ...(order && { orderBy: order.map(orderOf) }),
    ...(limit !== undefined && { limit }),
  };
}

const types = ["string", "int64", "float64", "bool"] as const;

function columnOf<Column extends string>(text: string): Column | AttributeColumnInput {
  const [, place, rest = ""] = /^(attributes|resource)\.(.+)$/s.exec(text) ?? [];
  // Which columns there are is the server's to say.
  if (!place) return text as Column;
  const type = types.find((name) => rest.endsWith(`:${name}`));
  const attribute = type ? rest.slice(0, -type.length - 1) : rest;
  return {
    attribute,
    as: `${place}.${attribute}`,
    ...(type && { type }),
    ...(place === "resource" && { resource: true }),
  };
}

function orderOf(text: string): { column: string; descending: boolean } {
  const [column = "", direction = "asc", ...rest] = text.split(":");
  if (column === "" || rest.length > 0 || (direction !== "asc" && direction !== "desc"))
    throw new UsageError(`cannot use --order "${text}": it must be a column's name, which :desc may follow`);
  return { column, descending: direction === "desc" };
}
