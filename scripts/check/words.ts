import { readFileSync } from "node:fs";
import path from "node:path";
import type { Check } from "./check.ts";
import { listFiles } from "./source-files.ts";

/** What a file of this repository must not say, and why. */
const patterns: readonly { pattern: RegExp; why: string }[] = [
  {
    pattern: /\/\/(registry|npm)\.[\w.-]+|\bregistry\.[a-z0-9-]+\.(org|com|net|io|dev|cn)\b/i,
    why: "names a package registry; the reader's npm is configured already",
  },
  { pattern: /^\s*(@[\w-]+:)?registry\s*=/m, why: "chooses a package registry for the reader" },
  { pattern: /(?<![\w.:/-])\/(home|root|Users|work)\/[\w.-]+/, why: "is a path on somebody's machine" },
  { pattern: /\b(TODO|FIXME|XXX|HACK)\b/, why: "is a note to oneself; do it, or write it down where it is found" },
];

const binary = /\.(binpb|arrow|parquet|png|ico|gz|zst|wasm)$/;

/** Keeps what is true of one machine out of the repository. */
export const wordsCheck: Check = {
  name: "words",
  promise: "no file names a registry, a private path or unfinished work",
  async run(root) {
    return listFiles(root)
      .filter(
        (file) =>
          !binary.test(file) && file !== "scripts/check/words.ts" && !file.startsWith("scripts/check/testdata/"),
      )
      .flatMap((file) => {
        const text = readFileSync(path.join(root, file), "utf8");
        return patterns.flatMap(({ pattern, why }) => {
          const match = pattern.exec(text);
          if (!match) return [];
          const line = text.slice(0, match.index).split("\n").length;
          return [`${file}:${line} "${match[0].trim()}" ${why}`];
        });
      });
  },
};
