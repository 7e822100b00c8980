import { readFileSync } from "node:fs";
import path from "node:path";
import type { Check } from "./check.ts";
import { listFiles } from "./source-files.ts";

const folder = "conformance/vectors";

/** Where the tests of each language lie, and how they name a file of vectors. */
const languages: readonly { name: string; isTest: RegExp; mention: (vectors: string) => string[] }[] = [
  { name: "TypeScript", isTest: /^packages\/.*\.test\.ts$/, mention: (name) => [`("${name}")`, `/${name}.json"`] },
  { name: "Python", isTest: /^clients\/python\/tests\/.*\.py$/, mention: (name) => [`("${name}", `] },
  { name: "Go", isTest: /^clients\/go\/.*_test\.go$/, mention: (name) => [`, "${name}.json")`] },
];

/** Finds vectors that the tests of a language leave alone, and answers that no vector names. */
export const vectorsCheck: Check = {
  name: "vectors",
  promise: "every file of conformance/vectors is read by tests of TypeScript, Python and Go",
  async run(root) {
    const files = listFiles(root);
    const names = files.flatMap((file) => file.match(/^conformance\/vectors\/([^/]+)\.json$/)?.[1] ?? []);
    return languages.flatMap(({ name, isTest, mention }) => {
      const tests = files
        .filter((file) => isTest.test(file))
        .map((file) => readFileSync(path.join(root, file), "utf8"));
      return names
        .filter((vectors) => !mention(vectors).some((text) => tests.some((test) => test.includes(text))))
        .map((vectors) => `${folder}/${vectors}.json is read by no test of ${name}`);
    });
  },
};
