import { describe, expect, it } from "vitest";
import { cyclesCheck, findCycles } from "./cycles.ts";
import { dependenciesCheck } from "./dependencies.ts";
import { envCheck } from "./env.ts";
import { makeWorkspace } from "./fixture.ts";
import { namesCheck } from "./names.ts";
import { sizesCheck } from "./sizes.ts";

const at = "packages/sdk/src";

describe("cycles", () => {
  it("names the ring and the file that is not there", async () => {
    using tree = makeWorkspace({
      [`${at}/a.ts`]: 'import "./b.ts";\n',
      [`${at}/b.ts`]:
        'export { A } from "./a.ts";\nimport type { C } from "./gone.ts";\nimport type { D } from "./d.ts";\n',
      [`${at}/d.ts`]: 'import { B } from "./b.ts";\n',
    });
    expect(await cyclesCheck.run(tree.root)).toEqual([
      `${at}/b.ts:2 imports "./gone.ts", which does not exist`,
      `${at}/a.ts -> ${at}/b.ts -> ${at}/a.ts`,
    ]);
  });

  it("sees a module that imports itself, and no ring in a diamond", () => {
    expect(findCycles(new Map([["a", ["a"]]]))).toEqual([["a"]]);
    const diamond = Object.entries({ a: ["b", "c"], b: ["d"], c: ["d"], d: [] });
    expect(findCycles(new Map(diamond))).toEqual([]);
  });
});

describe("sizes", () => {
  it("refuses a long file, a long function and a long parameter list", async () => {
    using tree = makeWorkspace({
      [`${at}/file.ts`]: "// line\n".repeat(500),
      [`${at}/function.ts`]: `export function f() {\n${"  g();\n".repeat(78)}}\n`,
      [`${at}/parameters.ts`]: "export const f = (a, b, c, d, e) => a;\n",
    });
    expect(await sizesCheck.run(tree.root)).toEqual([
      `${at}/file.ts has 500 lines`,
      `${at}/function.ts:1 has a function of 80 lines`,
      `${at}/parameters.ts:1 has a function of 5 parameters`,
    ]);
  });

  it("accepts what is just under the limits, and long describe blocks of tests", async () => {
    const body = "  g();\n".repeat(90);
    using tree = makeWorkspace({
      [`${at}/file.ts`]: "// line\n".repeat(499),
      [`${at}/function.ts`]: `export function f(a, b, c, d) {\n${"  g();\n".repeat(77)}}\n`,
      [`${at}/a.test.ts`]: `describe("a", () => {\n${body}});\n`,
    });
    expect(await sizesCheck.run(tree.root)).toEqual([]);
  });
});

describe("names", () => {
  it("refuses empty names, other cases, default exports and star exports", async () => {
    using tree = makeWorkspace({
      [`${at}/utils.ts`]: "export const a = 1;\n",
      [`${at}/fooBar.ts`]: "export default 1;\n",
      [`${at}/index.ts`]: 'export * from "./gen/x_pb.ts";\nexport * from "./utils.ts";\n',
    });
    expect(await namesCheck.run(tree.root)).toEqual([
      `${at}/fooBar.ts: "fooBar" is not kebab-case`,
      `${at}/fooBar.ts:1 has a default export`,
      `${at}/index.ts:2 exports everything of "./utils.ts"; name what it exports`,
      `${at}/utils.ts: "utils" says nothing; name it for what it holds`,
    ]);
  });
});

describe("env", () => {
  it("refuses every way to read the environment, outside of bins and tests", async () => {
    using tree = makeWorkspace({
      [`${at}/a.ts`]: 'export const a = process.env.A;\nexport const b = process["env"];\nconst { env } = process;\n',
      [`${at}/b.ts`]: 'import { env } from "node:process";\n',
      [`${at}/bin/c.ts`]: "export const c = process.env.C;\n",
      [`${at}/d.test.ts`]: "export const d = process.env.D;\n",
    });
    expect(await envCheck.run(tree.root)).toEqual([
      `${at}/a.ts:1 reads process.env`,
      `${at}/a.ts:2 reads process.env`,
      `${at}/a.ts:3 reads process.env`,
      `${at}/b.ts:1 imports node:process; use the global process`,
    ]);
  });
});

describe("dependencies", () => {
  it("refuses what nothing imports, what only tests import, and version ranges", async () => {
    const manifest = {
      name: "@spanloom/sdk",
      dependencies: { unused: "1.0.0", tested: "1.0.0", ranged: "^1.0.0" },
      devDependencies: { forgotten: "1.0.0" },
    };
    using tree = makeWorkspace({
      "packages/sdk/package.json": manifest,
      [`${at}/a.ts`]: 'import "ranged/part";\n',
      [`${at}/a.test.ts`]: 'import "tested";\n',
    });
    const where = "packages/sdk/package.json";
    expect(await dependenciesCheck.run(tree.root)).toEqual([
      `${where} lists "unused" in dependencies, and nothing imports it`,
      `${where} lists "tested" in dependencies, and nothing imports it`,
      `${where} lists "forgotten" in devDependencies, and nothing imports it`,
      `${where} asks for "ranged" ^1.0.0; pin one version`,
    ]);
  });

  it("lets an application choose the version of what it must share one copy of", async () => {
    const peerDependencies = { "@opentelemetry/api": ">=1.3.0 <1.10.0", other: "^1.0.0" };
    using tree = makeWorkspace({
      "packages/sdk/package.json": { name: "@spanloom/sdk", peerDependencies },
      [`${at}/a.ts`]: "export {};\n",
    });
    expect(await dependenciesCheck.run(tree.root)).toEqual([
      `packages/sdk/package.json asks for "other" ^1.0.0; pin one version`,
    ]);
  });
});
