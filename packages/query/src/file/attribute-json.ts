import type { Data, Struct } from "apache-arrow";
import type { CellWriter } from "./cell-json.ts";
import { itemsOf } from "./row-cells.ts";

/**
 * Attributes as the server stores them: text by key, and by key the type of what is not text.
 *
 * Source: docs/schema.md, typed attributes.
 */

/** Writes an attribute: its key as JSON, its value as text, its type, empty for text. */
export type WriteAttribute = (keyJson: string, text: string, type: string) => string;

/** A writer of a row's attributes, each by `write`, in the order they were sent. */
export function attributeWriter(
  values: Data | undefined,
  types: Data | undefined,
  write: WriteAttribute,
): (row: number) => string[] {
  if (!values) return () => [];
  const { items, from } = itemsOf(values);
  const key = items.json(nameOfChild(values, 0));
  const text = items.text(nameOfChild(values, 1));
  const typesOf = types ? typeReader(types) : () => undefined;
  return (row) => {
    const written: string[] = [];
    const known = typesOf(row);
    for (let i = from(row); i < from(row + 1); i++) {
      const keyJson = key(i);
      written.push(write(keyJson, text(i), nextType(known, keyJson)));
    }
    return written;
  };
}

/** Types by key as JSON; of a key that repeats those of its values, in turn. */
type TypesByKey = Map<string, string | string[]>;

/** The type of the next value of a key. */
function nextType(types: TypesByKey | undefined, key: string): string {
  const known = types?.get(key);
  return (Array.isArray(known) ? known.shift() : known) ?? "";
}

/** Types of a row's attributes; undefined when all are text. */
function typeReader(types: Data): (row: number) => TypesByKey | undefined {
  const { items, from } = itemsOf(types);
  const key: CellWriter = items.json(nameOfChild(types, 0));
  const type = items.text(nameOfChild(types, 1));
  return (row) => {
    if (from(row) === from(row + 1)) return undefined;
    const known: TypesByKey = new Map();
    for (let i = from(row); i < from(row + 1); i++) {
      const before = known.get(key(i));
      known.set(key(i), before === undefined ? type(i) : [before, type(i)].flat());
    }
    return known;
  };
}

function nameOfChild(map: Data, index: number): string {
  return (map.children[0] as Data<Struct>).type.children[index]!.name;
}
