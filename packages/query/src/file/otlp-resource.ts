import { attributeWriter, type WriteAttribute } from "./attribute-json.ts";
import { otlpValue } from "./otlp-value.ts";
import type { RowCells } from "./row-cells.ts";

const keyValue: WriteAttribute = (key, text, type) => `{"key":${key},"value":${otlpValue(text, type)}}`;

/** A writer of the attributes in one of a row's maps, as JSON of OTLP's KeyValues. */
export function otlpAttributes(cells: RowCells, prefix = ""): (row: number) => string {
  const values = cells.data(`${prefix}attributes`);
  const write = attributeWriter(values, cells.data(`${prefix}attribute_types`), keyValue);
  return (row) => `[${write(row).join(",")}]`;
}

/** A writer of a row's resource, and the URL of its schema if there is one, as members of a JSON object. */
export function otlpResource(cells: RowCells): (row: number) => string {
  const attributes = otlpAttributes(cells, "resource_");
  const [dropped, schemaUrl] = [cells.json("resource_dropped_attributes"), cells.json("resource_schema_url")];
  return (row) => {
    const resource = objectJson({
      attributes: attributes(row),
      droppedAttributesCount: unlessZero(dropped(row)),
    });
    return membersJson({ resource, schemaUrl: unlessEmpty(schemaUrl(row)) });
  };
}

/** A writer of a row's instrumentation scope, as {@link otlpResource} of resources. */
export function otlpScope(cells: RowCells): (row: number) => string {
  const [name, version] = [cells.json("scope_name"), cells.json("scope_version")];
  const [dropped, schemaUrl] = [cells.json("scope_dropped_attributes"), cells.json("scope_schema_url")];
  const attributes = otlpAttributes(cells, "scope_");
  return (row) => {
    const scope = objectJson({
      name: name(row),
      version: version(row),
      attributes: attributes(row),
      droppedAttributesCount: unlessZero(dropped(row)),
    });
    return membersJson({ scope, schemaUrl: unlessEmpty(schemaUrl(row)) });
  };
}

/** JSON of an object without the members that are undefined. */
export function objectJson(members: Readonly<Record<string, string | undefined>>): string {
  return `{${membersJson(members)}}`;
}

function membersJson(members: Readonly<Record<string, string | undefined>>): string {
  const present = Object.entries(members).filter(([, json]) => json !== undefined);
  return present.map(([name, json]) => `"${name}":${json}`).join(",");
}

/** A number's JSON, undefined where it is 0: OTLP leaves out what has its default. */
export function unlessZero(json: string): string | undefined {
  return json === "0" ? undefined : json;
}

/** A text's JSON, undefined where it is empty or null. */
export function unlessEmpty(json: string): string | undefined {
  return json === '""' || json === "null" ? undefined : json;
}

/** A time or duration as OTLP writes 64 bits, undefined where there is none. */
export function nanosJson(nanos: bigint | undefined): string | undefined {
  return nanos === undefined ? undefined : `"${nanos}"`;
}
