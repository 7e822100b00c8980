import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";

const root = path.join(import.meta.dirname, "../..");

const sections = [...readFileSync(path.join(root, "docs/protocol.md"), "utf8").matchAll(/^### (\d+\.\d+) /gm)].map(
  (match) => match[1]!,
);

const cited = new Set(
  ["server", "runner"]
    .flatMap((kind) => {
      const folder = path.join(root, "conformance/suites", kind);
      return readdirSync(folder).map((file) => readFileSync(path.join(folder, file), "utf8"));
    })
    .flatMap((text) => [...text.matchAll(/^\s+proves: \[(.*)\]$/gm)])
    .flatMap((match) => match[1]!.split(",").map((section) => section.trim().replaceAll('"', ""))),
);

test("every section of docs/protocol.md that a case cites is there", () => {
  expect([...cited].filter((section) => !sections.includes(section))).toEqual([]);
});

test("every section of docs/protocol.md is proved by a case", () => {
  expect(sections.filter((section) => !cited.has(section))).toEqual([]);
});

test("sections of docs/protocol.md are numbered once, in order", () => {
  const value = (section: string) => section.split(".").reduce((sum, part) => sum * 100 + Number(part), 0);
  const values = sections.map(value);
  expect(values).toEqual([...new Set(values)].sort((a, b) => a - b));
});
