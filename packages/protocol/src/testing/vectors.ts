import { readFileSync } from "node:fs";

/** A file of the vectors that the tests of every language read. Source: conformance/vectors/README.md. */
export function readVectors<Content>(name: string): Content {
  const file = new URL(`../../../../conformance/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Content;
}
