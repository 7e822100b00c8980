import { plainText } from "@spanloom/query";
import { expect } from "vitest";

/** Sequences that commands write themselves: colours, and to draw lines and screens anew. */
const ownSequence = /^\[(?:(?:\d+;)*\d+m|[HJK])/;

/** Names of others must not reach a terminal as anything but text, and elsewhere nothing but lines is written. */
export function holdHarmless(text: string, isTTY: boolean): void {
  const [first = "", ...rest] = text.split("\u001b");
  if (!isTTY) expect(rest).toEqual([]);
  for (const piece of rest) expect(piece).toMatch(ownSequence);
  const plain = [first, ...rest.map((piece) => piece.replace(ownSequence, ""))].join("").replace(/[\n\r]/g, "");
  expect(plainText(plain)).toBe(plain);
}
