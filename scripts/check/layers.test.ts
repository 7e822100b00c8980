import { describe, expect, it } from "vitest";
import { makeWorkspace } from "./fixture.ts";
import { layerOf, layersCheck } from "./layers.ts";

const protocol = { name: "@spanloom/protocol", version: "1.0.0" };
const sdk = { name: "@spanloom/sdk", version: "1.0.0", dependencies: { "@spanloom/protocol": "workspace:*" } };
const server = { name: "@spanloom/server", version: "1.0.0", dependencies: {} };
const runner = {
  name: "@spanloom/runner",
  version: "1.0.0",
  dependencies: { "@spanloom/sdk": "workspace:*" },
  devDependencies: { "@spanloom/server": "workspace:*" },
};

async function problemsWith(files: Record<string, string | object>): Promise<string[]> {
  using tree = makeWorkspace({
    "packages/protocol/package.json": protocol,
    "packages/protocol/src/index.ts": "export const id = 1;\n",
    "packages/sdk/package.json": sdk,
    "packages/server/package.json": server,
    "packages/runner/package.json": runner,
    ...files,
  });
  return layersCheck.run(tree.root);
}

describe("layers", () => {
  it("accepts what the table allows", async () => {
    expect(
      await problemsWith({
        "packages/sdk/src/a.ts": 'import { id } from "@spanloom/protocol";\nexport const a = id;\n',
        "packages/runner/src/b.ts": 'export const load = () => import("@spanloom/server");\n',
        "packages/runner/src/b.test.ts": 'import { startServer } from "@spanloom/server";\nstartServer();\n',
      }),
    ).toEqual([]);
  });

  it.each([
    ["a static import", 'import { startServer } from "@spanloom/server";'],
    ["a type import", 'import type { ServerOptions } from "@spanloom/server";'],
    ["a re-export", 'export { startServer } from "@spanloom/server";'],
    ["an import() type", 'export type T = import("@spanloom/server").ServerOptions;'],
    ["import.meta.resolve", 'export const server = import.meta.resolve("@spanloom/server");'],
    ["an import() expression", 'export const server = await import("@spanloom/server");'],
  ])("refuses %s of a package above", async (_, line) => {
    expect(await problemsWith({ "packages/sdk/src/a.ts": `${line}\n` })).toEqual([
      'packages/sdk/src/a.ts:1 imports "@spanloom/server", which the layer table does not allow',
    ]);
  });

  it("refuses a static import of what may only be loaded on demand", async () => {
    expect(await problemsWith({ "packages/runner/src/b.ts": 'import "@spanloom/server";\n' })).toEqual([
      'packages/runner/src/b.ts:1 imports "@spanloom/server", which the layer table allows only with import()',
    ]);
  });

  it("refuses a relative import that leaves its package", async () => {
    expect(await problemsWith({ "packages/sdk/src/a.ts": 'import "../../protocol/src/index.ts";\n' })).toEqual([
      'packages/sdk/src/a.ts:1 imports "../../protocol/src/index.ts", which is outside of its package',
    ]);
  });

  it("refuses a package that the manifest does not list", async () => {
    expect(await problemsWith({ "packages/sdk/src/a.ts": 'import "left-pad";\nimport "fs";\n' })).toEqual([
      'packages/sdk/src/a.ts:1 imports "left-pad", which packages/sdk/package.json does not list in dependencies',
      'packages/sdk/src/a.ts:2 imports "fs"; write "node:fs"',
    ]);
  });

  it("refuses an inner layer of the server that reaches outwards", async () => {
    expect(
      await problemsWith({
        "packages/server/src/engine/rules.ts": 'import "../store/store.ts";\n',
        "packages/server/src/rpc/jobs.ts": 'import "../store/sqlite/claim.ts";\nimport "../store/store.ts";\n',
      }),
    ).toEqual([
      "packages/server/src/engine/rules.ts:1 is in engine/, which may not import store/store.ts",
      "packages/server/src/rpc/jobs.ts:1 is in rpc/, which may not import store/sqlite/claim.ts",
    ]);
  });

  it("lets stores import what lies beside them, and not each other", async () => {
    expect(
      await problemsWith({
        "packages/server/src/store/sqlite/claim.ts": 'import "../store.ts";\nimport "./jobs.ts";\n',
        "packages/server/src/store/postgres/claim.ts": 'import "../sqlite/claim.ts";\n',
        "packages/server/src/store/store.ts": 'import "./postgres/claim.ts";\n',
      }),
    ).toEqual([
      "packages/server/src/store/postgres/claim.ts:1 is in store/postgres/, which may not import store/sqlite/claim.ts",
      "packages/server/src/store/store.ts:1 is in store/, which may not import store/postgres/claim.ts",
    ]);
  });

  it("refuses an exporter that imports another", async () => {
    const problems = await problemsWith({
      "packages/exporters/console/package.json": JSON.stringify({ name: "@spanloom/exporter-console" }),
      "packages/exporters/otlp/package.json": JSON.stringify({ name: "@spanloom/exporter-otlp" }),
      "packages/exporters/otlp/src/a.ts": 'import "@spanloom/exporter-console";\n',
    });
    expect(problems).toEqual([
      'packages/exporters/otlp/src/a.ts:1 imports "@spanloom/exporter-console", which the layer table does not allow',
    ]);
  });

  it("has what a package bundles in its devDependencies, so that installing it brings nothing along", async () => {
    const using = (fields: object) =>
      problemsWith({
        "packages/console/package.json": { name: "@spanloom/console", version: "1.0.0", ...fields },
        "packages/console/src/app/app.tsx":
          'import { id } from "@spanloom/protocol";\nimport { useState } from "react";\nexport const App = () => <p>{useState(id)}</p>;\n',
      });
    const bundled = { "@spanloom/protocol": "workspace:*", react: "19.0.0" };
    expect(await using({ devDependencies: bundled })).toEqual([]);
    expect(await using({ dependencies: bundled })).toEqual([
      expect.stringContaining('lists "@spanloom/protocol" in dependencies'),
      expect.stringContaining('lists "react" in dependencies; what is bundled belongs in devDependencies'),
    ]);
    expect(await using({})).toEqual([
      expect.stringContaining("which is not in its devDependencies"),
      expect.stringContaining("does not list in devDependencies"),
    ]);
  });

  it("refuses a package without an entry in the table", async () => {
    expect(await problemsWith({ "packages/extra/package.json": '{ "name": "@spanloom/extra" }' })).toEqual([
      "packages/extra: has no entry in scripts/check/layer-table.ts",
    ]);
    expect(layerOf("packages/exporters/base")?.imports).toEqual(["@spanloom/protocol"]);
  });
});
