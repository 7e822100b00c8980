import { readFileSync } from "node:fs";

const folder = new URL("../../../../conformance/vectors/", import.meta.url);

/** A file of the vectors that the tests of every language read. Source: conformance/vectors/README.md. */
export function readVectors<Content>(name: string): Content {
  return JSON.parse(readFileSync(new URL(`${name}.json`, folder), "utf8"), (_, value) => {
    const text = (value as { $float?: string } | null)?.$float;
    return text === undefined ? value : Number(text);
  }) as Content;
}
