import { Table, tableFromIPC, tableToIPC } from "apache-arrow";
import { expect, it } from "vitest";
import { textVector } from "./text-vector.ts";

it("a column of texts holds what it was made of, nulls and any letters among it", () => {
  const texts = [
    "a",
    "",
    null,
    "odd 😀",
    "\ufeffmark",
    ...Array.from({ length: 20 }, (_, n) => (n % 3 ? `n${n}` : null)),
  ];
  const sent = tableFromIPC(tableToIPC(new Table({ text: textVector(texts) })));
  const decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  const { values, valueOffsets, nullCount } = sent.getChildAt(0)!.data[0]!;
  const read = texts.map((_, row) =>
    sent.getChildAt(0)?.isValid(row) ? decoder.decode(values.subarray(valueOffsets[row], valueOffsets[row + 1])) : null,
  );
  expect(read).toEqual(texts);
  expect(nullCount).toBe(8);
  expect(textVector([]).length).toBe(0);
});
