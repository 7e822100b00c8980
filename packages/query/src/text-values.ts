import type { Data, Utf8, Vector } from "apache-arrow";

/**
 * Texts as they were sent.
 *
 * Arrow's own `get` drops a byte order mark that a text begins with, so that a log record with the first line of a file
 * of Windows, say, would not come back as it was.
 */
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** A reader of a column's texts, for rows that have one. */
export function textValues({ values, valueOffsets }: Data<Utf8>): (row: number) => string {
  return (row) => decoder.decode(values.subarray(valueOffsets[row], valueOffsets[row + 1]));
}

const known = new WeakMap<Vector, readonly (string | null)[]>();

/** The texts of a dictionary by code, each decoded once, as batches may share it. */
export function dictionaryTexts(dictionary: Vector<Utf8>): readonly (string | null)[] {
  const decoded = known.get(dictionary);
  if (decoded) return decoded;
  const texts = dictionary.data.flatMap((data) => {
    const textOf = textValues(data);
    return Array.from({ length: data.length }, (_, row) => (data.getValid(row) ? textOf(row) : null));
  });
  known.set(dictionary, texts);
  return texts;
}
