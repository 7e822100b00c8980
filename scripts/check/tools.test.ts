import { writeFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { problemsOf } from "./command.ts";
import { makeFixture, makeWorkspace } from "./fixture.ts";
import { generatedCheck } from "./generated.ts";
import { protoBreakingCheck, protoFormatCheck, protoLintCheck } from "./proto.ts";
import { deadCodeCheck, formatCheck, typesCheck } from "./tools.ts";
import { vectorsCheck } from "./vectors.ts";

/** The checks that run a tool: each is shown failing on a tree with one thing wrong. */

const strict = { compilerOptions: { strict: true, noEmit: true, types: [], module: "NodeNext" }, include: ["src"] };

const lf = (...lines: string[]) => `${lines.join("\n")}\n`;

function proto(...lines: string[]): string {
  return lf('syntax = "proto3";', "", "package acme.v1;", "", ...lines);
}

const bufYaml = lf("version: v2", "modules:", "  - path: .", "lint:", "  use:", "    - STANDARD", "    - COMMENTS");

describe("format", () => {
  it("fails on unformatted code and on a lint rule", async () => {
    using tree = makeFixture({
      "biome.json": "{}",
      "a.ts": "export const a  =  1\n",
      "b.ts": 'import fs from "fs";\n\nexport const b = fs;\n',
    });
    const text = (await formatCheck.run(tree.root)).join("\n");
    expect(text).toMatch(/a\.ts format/);
    expect(text).toMatch(/b\.ts:1:16 lint\/style\/useNodejsImportProtocol/);
  });
});

describe("types", () => {
  it("fails on a type error and on a package that is not type-checked", async () => {
    using tree = makeWorkspace({
      "packages/sdk/tsconfig.json": strict,
      "packages/sdk/src/a.ts": 'export const a: number = "text";\n',
      "packages/query/package.json": { name: "@spanloom/query" },
      "scripts/tsconfig.json": { ...strict, include: ["."] },
      "scripts/b.ts": "export const b = 1;\n",
    });
    const problems = await typesCheck.run(tree.root);
    expect(problems[0]).toBe("packages/query has no tsconfig.json");
    expect(problems[1]).toMatch(/^packages\/sdk\/src\/a\.ts\(1,14\): error TS2322/);
  });
});

describe("dead-code", () => {
  it("fails on a file that nothing imports and on an export that nothing uses", async () => {
    using tree = makeFixture({
      "package.json": { name: "x", type: "module" },
      "knip.json": { entry: ["src/index.ts"], project: ["src/**/*.ts"] },
      "src/index.ts": 'import { used } from "./a.ts";\n\nconsole.log(used);\n',
      "src/a.ts": "export const used = 1;\nexport const unused = 2;\n",
      "src/b.ts": "export const lonely = 1;\n",
    });
    const text = (await deadCodeCheck.run(tree.root)).join("\n");
    expect(text).toMatch(/Unused files \(1\)\nsrc\/b\.ts/);
    expect(text).toMatch(/Unused exports \(1\)\nunused/);
  });
});

describe("buf", () => {
  it("lint fails on a missing comment and a bad name", async () => {
    using tree = makeFixture({ "proto/buf.yaml": bufYaml, "proto/acme/v1/a.proto": proto("message bad_name {}") });
    const text = (await protoLintCheck.run(tree.root)).join("\n");
    expect(text).toMatch(/should be PascalCase/);
    expect(text).toMatch(/should have a non-empty comment/);
  });

  it("format fails on a file that is laid out by hand", async () => {
    using tree = makeFixture({
      "proto/buf.yaml": bufYaml,
      "proto/acme/v1/a.proto": proto("message   A  { string b=1; }"),
    });
    expect((await protoFormatCheck.run(tree.root)).join("\n")).toMatch(/\+message A \{/);
  });

  it("breaking fails on a field that changed its type, and without a baseline", async () => {
    using tree = makeFixture({
      "proto/buf.yaml": bufYaml,
      "proto/acme/v1/a.proto": proto("message A {", "  string b = 1;", "}"),
    });
    expect(await protoBreakingCheck.run(tree.root)).toEqual([
      "proto/baseline.binpb is missing; make it with `npm run generate -- --baseline`",
    ]);
    expect(await problemsOf(tree.root, "buf", ["build", "proto", "--output", "proto/baseline.binpb"])).toEqual([]);
    expect(await protoBreakingCheck.run(tree.root)).toEqual([]);
    writeFileSync(`${tree.root}/proto/acme/v1/a.proto`, proto("message A {", "  bytes b = 1;", "}"));
    expect((await protoBreakingCheck.run(tree.root)).join("\n")).toMatch(/changed type from "string" to "bytes"/);
  });
});

describe("generated", () => {
  it("fails on code that was edited by hand, is missing, or has no source", async () => {
    using tree = makeFixture({
      "buf.gen.yaml": lf(
        "version: v2",
        "inputs:",
        "  - directory: proto",
        "plugins:",
        "  - local: protoc-gen-es",
        "    out: packages/protocol/src/gen",
        "    opt: target=ts",
      ),
      "proto/buf.yaml": bufYaml,
      "proto/acme/v1/a.proto": proto("message A {", "  string b = 1;", "}"),
      "proto/acme/v1/c.proto": proto("message C {", "  string d = 1;", "}"),
      "packages/protocol/src/gen/acme/v1/a_pb.ts": "// edited\n",
      "packages/protocol/src/gen/acme/v1/gone_pb.ts": "// its source is gone\n",
    });
    const at = "packages/protocol/src/gen/acme/v1";
    expect(await generatedCheck.run(tree.root)).toEqual([
      `${at}/a_pb.ts differs from proto/; run \`npm run generate\``,
      `${at}/c_pb.ts is missing; run \`npm run generate\``,
      `${at}/gone_pb.ts has no source in proto/; run \`npm run generate\``,
    ]);
  });

  it("compares the code of a client where its generator is, and says so where it is not", async () => {
    using tree = makeFixture({
      "clients/python/buf.gen.yaml": lf("version: v2", "inputs:", "  - directory: ../../proto", "plugins: []"),
      "clients/python/src/spanloom/v1/gone_pb2.py": "# its source is gone\n",
      "proto/buf.yaml": bufYaml,
    });
    const notes: string[] = [];
    expect(await generatedCheck.run(tree.root, (line) => notes.push(line))).toEqual([]);
    expect(notes).toEqual([expect.stringMatching(/^clients\/python was not compared: .*npm run test:clients/)]);
  });
});

describe("vectors", () => {
  it("finds those that the tests of a language leave alone", async () => {
    using tree = makeFixture({
      "conformance/vectors/ids.json": {},
      "conformance/vectors/errors.json": {},
      "conformance/vectors/README.md": "",
      "packages/a/src/a.test.ts": 'readVectors("ids"); readVectors("errors");',
      "clients/python/tests/test_a.py": 'vectors("ids", "uuids"); vectors("errors", "answers")',
      "clients/go/a_test.go": 'vectors.Read[any](t, "errors.json")',
      "clients/go/ids.go": '// Source: vectors.Read[any](t, "ids.json")',
    });
    expect(await vectorsCheck.run(tree.root)).toEqual(["conformance/vectors/ids.json is read by no test of Go"]);
  });
});
