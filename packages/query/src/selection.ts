import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { type AttributeColumn, AttributeColumnSchema, ColumnType, type OrderSchema } from "@spanloom/protocol";
import type { TraceFormat } from "./file/file-format.ts";
import { invalidField } from "./invalid.ts";
import type { AttributeColumnInput, ProjectedTypes } from "./schema.ts";

/** What to sort by: a column or projected attribute, ascending; or both spelled out. */
export type OrderInput<Column extends string> =
  | Column
  | { readonly column: Column | (string & {}); readonly descending?: boolean };

/** Which columns to return, in which order, and how many rows. */
export interface Selection {
  readonly columns: readonly (string | AttributeColumnInput)[];
  readonly orderBy: readonly OrderInput<string>[];
  readonly limit: number | undefined;
}

/** The selection of a query that names none: all columns, the server's order, every row. */
export const everything: Selection = { columns: [], orderBy: [], limit: undefined };

/** The fields of a query request that a selection decides. */
export interface SelectionFields {
  columns: string[];
  attributeColumns: AttributeColumn[];
  orderBy: MessageInitShape<typeof OrderSchema>[];
  limit: bigint;
}

const columnTypes: Readonly<Record<keyof ProjectedTypes, ColumnType>> = {
  string: ColumnType.STRING,
  int64: ColumnType.INT64,
  float64: ColumnType.FLOAT64,
  bool: ColumnType.BOOL,
};

/**
 * A selection as request fields.
 *
 * Errors: INVALID_FIELD for a limit that is not a whole number from 1, an unknown column type or an empty attribute key.
 */
export function toSelectionFields({ columns, orderBy, limit }: Selection): SelectionFields {
  if (limit !== undefined && (!Number.isSafeInteger(limit) || limit < 1))
    throw invalidField("limit", limit, "is not a whole number from 1");
  return {
    columns: columns.filter((column) => typeof column === "string"),
    attributeColumns: columns.filter((column) => typeof column !== "string").map(toAttributeColumn),
    orderBy: orderBy.map((order) => (typeof order === "string" ? { column: order } : { ...order })),
    limit: BigInt(limit ?? 0),
  };
}

/**
 * The selection for a file whose format decides the columns.
 *
 * Errors: INVALID_FIELD when the query names columns, or an order where the format has its own.
 */
export function selectionForFile(
  { columns: named, orderBy, limit }: Selection,
  format: TraceFormat,
  columns: readonly string[],
): Selection {
  if (named.length > 0) throw invalidField("format", format, "takes whole records: name no columns");
  if (format === "perfetto.json" && orderBy.length > 0)
    throw invalidField("format", format, "takes spans by their start: name no order");
  return { columns, orderBy, limit };
}

/** An attribute as a column of its own. Errors: INVALID_FIELD. */
export function toAttributeColumn({ attribute, as, type, resource }: AttributeColumnInput): AttributeColumn {
  if (typeof attribute !== "string" || attribute === "") throw invalidField("attribute", attribute, "is not a key");
  if (type !== undefined && !Object.hasOwn(columnTypes, type))
    throw invalidField(
      `type of attribute "${attribute}"`,
      type,
      `is not one of ${Object.keys(columnTypes).join(", ")}`,
    );
  return create(AttributeColumnSchema, {
    key: attribute,
    as: as ?? "",
    type: columnTypes[type ?? "string"],
    resource: resource ?? false,
  });
}
