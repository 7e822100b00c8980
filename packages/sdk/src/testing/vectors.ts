import { readFileSync } from "node:fs";

/** A file of the vectors that the tests of every language read. Source: conformance/vectors/README.md. */
export function readVectors<Content>(name: string): Content {
  const file = new URL(`../../../../conformance/vectors/${name}.json`, import.meta.url);
  return JSON.parse(readFileSync(file, "utf8")) as Content;
}

/** The value that a vector describes: JSON, where an object with a key that begins with $ stands for what JSON has not. */
export function untagged(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(untagged);
  if (typeof value !== "object" || value === null) return value;
  const [[tag, content] = [], another] = Object.entries(value);
  const make = tag === undefined || another ? undefined : tags[tag];
  if (make) return make(content as never);
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, untagged(item)]));
}

const tags: Readonly<Record<string, (content: never) => unknown>> = {
  $absent: () => undefined,
  $float: (text: string) => Number(text),
  $int: (text: string) => (Number.isSafeInteger(Number(text)) ? Number(text) : BigInt(text)),
  $utf16: (units: number[]) => String.fromCharCode(...units),
  $object: (entries: [unknown, unknown][]) =>
    Object.fromEntries(entries.map(([key, item]) => [untagged(key), untagged(item)])),
  $time: (text: string) => new Date(text),
  $bytes: (text: string) => new Uint8Array(Buffer.from(text, "base64")),
  $code: () => () => undefined,
  $cycle: (key: string) => {
    const circle: Record<string, unknown> = {};
    circle[key] = circle;
    return circle;
  },
  $depth: (levels: number) => {
    let nested: unknown[] = [];
    for (let level = 1; level < levels; level++) nested = [nested];
    return nested;
  },
  $repeat: ([text, times]: [string, number]) => text.repeat(times),
  $times: ([item, times]: [unknown, number]) => Array.from({ length: times }, () => item),
};
