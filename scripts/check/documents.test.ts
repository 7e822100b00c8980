import { describe, expect, it } from "vitest";
import { errorsPage } from "../docs/errors-page.ts";
import { metricsPage } from "../docs/metrics-page.ts";
import { changesetsCheck } from "./changesets.ts";
import { docsPagesCheck } from "./docs-pages.ts";
import { makeFixture, makeWorkspace } from "./fixture.ts";
import { manifestsCheck } from "./manifests.ts";
import { aloneProblems, heavyIn } from "./packed.ts";
import { promisesCheck } from "./promises.ts";
import { snippetsCheck } from "./snippets.ts";
import { wordsCheck } from "./words.ts";

const fence = "```";
const base = {
  compilerOptions: {
    strict: true,
    noEmit: true,
    module: "NodeNext",
    target: "ES2024",
    allowImportingTsExtensions: true,
  },
};

describe("snippets", () => {
  it("fails on a type error, on one that throws, on bad JSON, bad shell and an unknown script, each by its line", async () => {
    using tree = makeWorkspace({
      "tsconfig.base.json": base,
      "README.md": `# A\n\n${fence}ts\nconst a: number = "text";\n${fence}\n\n${fence}json\n{ a: 1 }\n${fence}\n`,
      "docs/b.md": `${fence}sh\nnpm run nothing\n${fence}\n\n${fence}sh\nif then\n${fence}\n`,
    });
    const problems = await snippetsCheck.run(tree.root);
    expect(problems).toContain("README.md:4 error TS2322: Type 'string' is not assignable to type 'number'.");
    expect(problems.find((line) => line.startsWith("README.md:7 is not JSON"))).toBeDefined();
    expect(problems).toContain('docs/b.md:1 runs the script "nothing", which package.json does not have');
    expect(problems.find((line) => /^docs\/b\.md:5 .*syntax error/.test(line))).toBeDefined();
  });

  it("runs what is marked, lets snippets of a page import each other, and leaves ignored ones alone", async () => {
    const page = (message: string) =>
      [
        `${fence}ts file=greeting.ts`,
        `export const greeting: string = "${message}";`,
        fence,
        `${fence}ts run`,
        'import { greeting } from "./greeting.ts";',
        'if (greeting !== "hello") throw new Error(greeting);',
        fence,
        `${fence}ts ignore`,
        "this is no code",
        `${fence}\n`,
      ].join("\n");
    using good = makeWorkspace({ "tsconfig.base.json": base, "README.md": page("hello") });
    expect(await snippetsCheck.run(good.root)).toEqual([]);
    using bad = makeWorkspace({ "tsconfig.base.json": base, "README.md": page("wrong") });
    expect((await snippetsCheck.run(bad.root)).join("\n")).toMatch(/Error: wrong/);
  });

  it("fails on a block that never ends", async () => {
    using tree = makeWorkspace({ "README.md": `a\n${fence}ts\nconst a = 1;\n` });
    await expect(snippetsCheck.run(tree.root)).rejects.toThrow("README.md: the block that opens in line 2 never ends");
  });
});

describe("docs-pages", () => {
  it("fails on a stale catalogue, an RPC without a status or a command, a dead link and a long AGENTS.md", async () => {
    using tree = makeFixture({
      "docs/errors.md": "# Errors\n",
      "docs/status.md": "SubmitJob\n",
      "docs/http.md": `GetJob\n\n${fence}sh\ncurl "$URL/spanloom.v1.JobService/SubmitJob"\n${fence}\n`,
      "README.md":
        "# A `b`, c\n[a](docs/errors.md#errors) [b](docs/gone.md#x) [c](https://example.org) `[d](e)` [e](docs/errors.md#x) [f](#a-b-c)\n",
      "AGENTS.md": "line\n".repeat(121),
    });
    const problems = await docsPagesCheck.run(tree.root);
    expect(problems).toContain("docs/errors.md differs from the error catalogue; run `npm run generate`");
    expect(problems).toContain("docs/metrics.md differs from the catalogues of metrics; run `npm run generate`");
    expect(problems).toContain("docs/status.md does not say whether JobService.SubmitJobs is served");
    expect(problems).not.toContain("docs/status.md does not say whether JobService.SubmitJob is served");
    expect(problems).toContain("docs/http.md has no command that calls spanloom.v1.JobService/GetJob");
    expect(problems).toContain("docs/http.md has no command that calls spanloom.v1.EventService/DeleteWebhook");
    expect(problems).not.toContain("docs/http.md has no command that calls spanloom.v1.JobService/SubmitJob");
    expect(problems.filter((line) => line.includes("links to"))).toEqual([
      "README.md links to docs/gone.md, which does not exist",
      "README.md links to docs/errors.md#x, which no heading of that page makes",
    ]);
    expect(problems).toContain("AGENTS.md has 121 lines; at most 120 get read");
  });

  it("accepts the catalogues as they are", async () => {
    using tree = makeFixture({ "docs/errors.md": errorsPage(), "docs/metrics.md": metricsPage(), "AGENTS.md": "a\n" });
    expect((await docsPagesCheck.run(tree.root)).filter((line) => !/^docs\/(status|http)\.md/.test(line))).toEqual([]);
  });
});

const published = {
  name: "@spanloom/sdk",
  type: "module",
  license: "Apache-2.0",
  description: "d",
  engines: { node: ">=24" },
  files: ["dist", "README.md"],
  scripts: { build: "node ../../scripts/build-package.ts" },
};
const publishing = (exports: object) => ({ access: "public", exports });

describe("manifests", () => {
  it("fails on each field that differs from the others", async () => {
    using tree = makeWorkspace({
      "packages/sdk/package.json": {
        name: "@spanloom/sdk",
        type: "module",
        license: "MIT",
        description: "d",
        engines: { node: ">=20" },
        exports: { ".": "./src/index.ts" },
        files: ["dist", "README.md"],
        scripts: { build: "node ../../scripts/build-package.ts" },
        publishConfig: {
          access: "public",
          exports: { ".": { types: "./dist/index.d.ts", default: "./dist/main.js" } },
        },
      },
      "packages/sdk/README.md": "# sdk\n",
    });
    expect(await manifestsCheck.run(tree.root)).toEqual([
      'packages/sdk/package.json: license is "MIT", not "Apache-2.0"',
      'packages/sdk/package.json: engines.node is ">=20", not ">=24"',
      expect.stringMatching(/publishConfig.exports is .*main\.js.* not .*index\.js/),
      "packages/sdk/package.json: ./src/index.ts is missing",
    ]);
  });

  it("know entries that differ by condition", async () => {
    const exports = { "./platform": { browser: "./src/page.ts", default: "./src/node.ts" } };
    const built = { types: "./dist/node.d.ts", browser: "./dist/page.js", default: "./dist/node.js" };
    using tree = makeWorkspace({
      "packages/sdk/package.json": { ...published, exports, publishConfig: publishing({ "./platform": built }) },
      "packages/sdk/README.md": "# sdk\n",
      "packages/sdk/src/node.ts": "",
    });
    expect(await manifestsCheck.run(tree.root)).toEqual(["packages/sdk/package.json: ./src/page.ts is missing"]);
  });
});

describe("changesets", () => {
  it("fails without a record of a version, and on a name that is not here", async () => {
    using tree = makeWorkspace({
      ".changeset/config.json": {},
      ".changeset/a.md": '---\n"@spanloom/gone": minor\n---\n\nText.\n',
    });
    expect(await changesetsCheck.run(tree.root)).toEqual([
      'a changeset names "@spanloom/gone", which is not here',
      "@spanloom/sdk 1.0.0 has neither a changeset nor a changelog entry",
    ]);
  });

  it("accepts a changeset or a changelog entry", async () => {
    using changeset = makeWorkspace({
      ".changeset/config.json": {},
      ".changeset/a.md": '---\n"@spanloom/sdk": minor\n---\n\nText.\n',
    });
    using changelog = makeWorkspace({
      ".changeset/config.json": {},
      "packages/sdk/CHANGELOG.md": "# Log\n\n## 1.0.0\n\nText.\n",
    });
    expect([...(await changesetsCheck.run(changeset.root)), ...(await changesetsCheck.run(changelog.root))]).toEqual(
      [],
    );
  });
});

describe("words", () => {
  it("fails on a registry, a private path and a note to oneself", async () => {
    const registry = ["https://registry", "example", "org/"].join(".");
    const note = `// ${"TO"}${"DO"} later`;
    using tree = makeFixture({
      ".npmrc": `registry = ${registry}\n`,
      "a.ts": `${note}\n`,
      "b.md": `see ${"/ho"}me/me/x\n`,
    });
    expect(await wordsCheck.run(tree.root)).toEqual([
      expect.stringMatching(/^\.npmrc:1 "\/\/registry\.example\.org" names a package registry/),
      expect.stringMatching(/^\.npmrc:1 "registry =" chooses a package registry/),
      expect.stringMatching(/^a\.ts:1 .* is a note to oneself/),
      expect.stringMatching(/^b\.md:1 .* is a path on somebody's machine/),
    ]);
  });
});

describe("packed", () => {
  it("sees a heavy package among what light ones installed", () => {
    using tree = makeFixture({
      "node_modules/.pnpm/react@19.0.0/x": "",
      "node_modules/.pnpm/react-like@1.0.0/x": "",
      "node_modules/.pnpm/@spanloom+server@file+x/x": "",
    });
    expect(heavyIn(tree.root)).toEqual([
      "installing only light packages also installs react",
      "installing only light packages also installs @spanloom/server",
    ]);
  });

  it("follows what an exporter brings along, optional peers aside, and sees what has no place there", () => {
    const manifest = (name: string, dependencies: Record<string, string>, more = {}) => ({
      [`node_modules/${name}/package.json`]: { name, dependencies, ...more },
    });
    const many = Array.from({ length: 12 }, (_, index) => `part-${index}`);
    using tree = makeFixture({
      ...manifest("@spanloom/exporter-xray", { "@smithy/core": "1" }),
      ...manifest(
        "@spanloom/exporter-axiom",
        { "@spanloom/exporter": "1", wrapper: "1" },
        { peerDependencies: { react: "1" }, peerDependenciesMeta: { react: { optional: true } } },
      ),
      ...manifest("@spanloom/exporter", {}),
      ...manifest("wrapper", {
        "@smithy/core": "1",
        "@spanloom/sdk": "1",
        ...Object.fromEntries(many.map((name) => [name, "1"])),
      }),
      ...manifest("@smithy/core", { wrapper: "1" }),
      ...manifest("@spanloom/sdk", {}),
      ...Object.assign({}, ...many.map((name) => manifest(name, {}))),
    });
    expect(aloneProblems(tree.root, { name: "@spanloom/exporter-axiom" })).toEqual([
      "installing @spanloom/exporter-axiom brings 16 packages; at most 12 are light",
      "installing @spanloom/exporter-axiom also installs @smithy/core",
      "installing @spanloom/exporter-axiom also installs @spanloom/sdk",
    ]);
    expect(aloneProblems(tree.root, { name: "@spanloom/exporter-xray" })).toEqual([
      "installing @spanloom/exporter-xray also installs @spanloom/sdk",
    ]);
  });
});

describe("promises", () => {
  it("fails on a missing row, a row without a test, a missing test, and a test of something else", async () => {
    const rows = [
      "| P1 | [a](a.test.ts) |",
      "| **P2** | [b](b.test.ts), [gone](gone.test.ts) |",
      "| P3 | trust us |",
      "| P4 | not tested yet |",
    ];
    using tree = makeFixture({
      "README.md": rows.join("\n"),
      "a.test.ts": 'it("holds (P1)", () => {});\n',
      "b.test.ts": 'it("holds", () => {});\n',
    });
    expect(await promisesCheck.run(tree.root)).toEqual([
      "README.md names b.test.ts for P2, which does not mention P2",
      "README.md names gone.test.ts for P2, which does not exist",
      "README.md names no test of P3, and does not say that there is none",
      ...["P5", "P6", "P7", "P8"].map((name) => `README.md has no row for ${name}`),
    ]);
  });
});
