import { expect, it } from "vitest";
import { gatherPieces } from "./gather-pieces.ts";

async function* pieces() {
  yield "ab";
  yield new TextEncoder().encode("cde");
  yield "f";
}

it("pieces are gathered to parts of a size, nothing of them lost", async () => {
  const parts: string[] = [];
  for await (const part of gatherPieces(pieces(), 4)) parts.push(await part.text());
  expect(parts).toEqual(["abcde", "f"]);
});
