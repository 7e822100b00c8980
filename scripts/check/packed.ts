import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import type { Check } from "./check.ts";
import { problemsOf } from "./command.ts";
import { closureOf } from "./package-closure.ts";
import { listPackages, type WorkspacePackage } from "./workspace.ts";

/** Packages that may not drag a database engine or a user interface into somebody's program. */
const light = ["@spanloom/protocol", "@spanloom/sdk", "@spanloom/query", /^@spanloom\/exporter/];
const heavyDependencies = ["chdb", "react", "@spanloom/server"];

/**
 * Most packages that installing one exporter alone brings along. Most exporters bring those of the base; two bring their
 * vendor's credentials, 23 packages each.
 */
const mostDependencies: Readonly<Record<string, number>> = {
  "@spanloom/exporter-google-cloud-trace": 36,
  "@spanloom/exporter-xray": 36,
};
const mostDependenciesElsewhere = 12;

/** Parts of vendors, and the one package that may bring them along. */
const vendorParts: readonly { part: RegExp; of: string }[] = [
  { part: /^@(aws|aws-sdk|smithy)\//, of: "@spanloom/exporter-xray" },
  { part: /^(google-auth-library|gaxios)$/, of: "@spanloom/exporter-google-cloud-trace" },
  { part: /parquet/, of: "@spanloom/exporter-file" },
  // OpenTelemetry's packages want its API as a peer, so an exporter that brings them does not install alone.
  { part: /^(apache-arrow|@grpc\/.*|@opentelemetry\/.*)$/, of: "no exporter" },
];

/**
 * Builds and packs every published package, installs the tarballs outside of the workspace, and imports and requires
 * them with plain Node: what a user gets, without this repository's links and sources.
 */
export const packedCheck: Check = {
  name: "packed",
  promise: "published packages build, install alone, work in ESM and CommonJS, and light ones install nothing heavy",
  async run(root) {
    const folder = mkdtempSync(path.join(tmpdir(), "spanloom-packed-"));
    try {
      const packages = listPackages(root).filter(({ manifest }) => !manifest.private);
      const built = await problemsOf(root, "turbo", ["run", "build", "--output-logs=errors-only"]);
      if (built.length > 0) return built;
      const tarballs = await pack(root, packages, folder);
      if ("problems" in tarballs) return tarballs.problems;
      const isLight = ({ name }: WorkspacePackage) =>
        light.some((rule) => (typeof rule === "string" ? rule === name : rule.test(name)));
      const consumer = { root, tarballs: tarballs.files, folder };
      const lightProblems = await tryPackages("light", packages.filter(isLight), consumer);
      const heavyProblems = await tryPackages("all", packages, consumer);
      return [...lightProblems, ...heavyProblems];
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
};

type Packed = { files: Record<string, string> } | { problems: string[] };

async function pack(root: string, packages: WorkspacePackage[], folder: string): Promise<Packed> {
  const files: Record<string, string> = {};
  for (const { folder: at, name, manifest } of packages) {
    const problems = await problemsOf(path.join(root, at), "pnpm", ["pack", "--pack-destination", folder]);
    if (problems.length > 0) return { problems };
    files[name] = path.join(folder, `${name.replace("@", "").replace("/", "-")}-${manifest.version}.tgz`);
  }
  return { files };
}

interface Consumer {
  root: string;
  tarballs: Record<string, string>;
  folder: string;
}

/** Installs packages into a project of their own, imports each of their entries, and uses their types. */
async function tryPackages(kind: "light" | "all", packages: WorkspacePackage[], consumer: Consumer): Promise<string[]> {
  const project = path.join(consumer.folder, kind);
  mkdirSync(project);
  writeProject(project, packages, consumer);
  // Packages of one install would find what others asked for: each must have asked itself.
  if (kind === "light") appendFileSync(path.join(project, "pnpm-workspace.yaml"), "hoist: false\n");
  const installed = await problemsOf(project, "pnpm", ["install", "--prefer-offline", "--no-frozen-lockfile"]);
  if (installed.length > 0) return installed;
  const problems =
    kind === "light" ? [...heavyIn(project), ...packages.flatMap((pack) => aloneProblems(project, pack))] : [];
  const entries = packages.flatMap(({ name, manifest }) =>
    Object.keys(manifest.exports ?? {}).map((entry) => path.posix.join(name, entry)),
  );
  writeFileSync(path.join(project, "use.mjs"), entries.map((entry) => `await import("${entry}");\n`).join(""));
  problems.push(...(await problemsOf(project, "node", ["use.mjs"])));
  writeFileSync(path.join(project, "use.cjs"), entries.map((entry) => `require("${entry}");\n`).join(""));
  problems.push(...(await problemsOf(project, "node", ["use.cjs"])));
  if (kind === "all") problems.push(...(await runCommonJsApplication(project, consumer.root)));
  writeFileSync(path.join(project, "use.ts"), typeUse(entries));
  problems.push(...(await problemsOf(project, "tsc", typeArguments)));
  for (const bin of packages.flatMap(({ manifest }) => Object.keys(manifest.bin ?? {}))) {
    problems.push(...(await problemsOf(project, path.join(project, "node_modules", ".bin", bin), ["--help"])));
  }
  return problems;
}

/** What an exporter would bring along that has no place beside it. */
export function aloneProblems(project: string, { name }: Pick<WorkspacePackage, "name">): string[] {
  if (!name.startsWith("@spanloom/exporter")) return [];
  const brought = [...closureOf(project, name)];
  const most = mostDependencies[name] ?? mostDependenciesElsewhere;
  return [
    ...(brought.length > most
      ? [`installing ${name} brings ${brought.length} packages; at most ${most} are light`]
      : []),
    ...brought
      .filter(
        (each) =>
          /^@spanloom\/(?!exporter$|protocol$)/.test(each) ||
          vendorParts.some(({ part, of }) => of !== name && part.test(each)),
      )
      .map((each) => `installing ${name} also installs ${each}`),
  ];
}

/** What the CommonJS application uses beside our packages. */
const openTelemetry = ["@opentelemetry/api", "@opentelemetry/sdk-trace-base"];

const runnerFolder = "packages/runner";

/** Runs an application that has a server, a runner and a tracer provider of its own, all by `require`. */
async function runCommonJsApplication(project: string, root: string): Promise<string[]> {
  const program = "commonjs-application.cjs";
  copyFileSync(path.join(root, runnerFolder, "src/testdata", program), path.join(project, program));
  return problemsOf(project, "node", [program]);
}

const typeArguments =
  "--noEmit --strict --skipLibCheck --module nodenext --target es2024 --types node --pretty false use.ts".split(" ");

/** Each entry must resolve to declarations: a module without them would be `any`, and have every export. */
function typeUse(entries: string[]): string {
  const lines = entries.map((entry, at) => `import type * as m${at} from "${entry}";\n`);
  const uses = entries.map(
    (_, at) => `// @ts-expect-error It has no such export.\nexport type T${at} = typeof m${at}.noSuchExport;\n`,
  );
  return [...lines, ...uses].join("");
}

function writeProject(project: string, packages: WorkspacePackage[], { root, tarballs }: Consumer): void {
  const rootManifest = JSON.parse(readFileSync(path.join(root, "package.json"), "utf8"));
  const dependencies = Object.fromEntries(packages.map(({ name }) => [name, `file:${tarballs[name]}`]));
  const types = { "@types/node": rootManifest.devDependencies["@types/node"] };
  const runner = JSON.parse(readFileSync(path.join(root, runnerFolder, "package.json"), "utf8"));
  const tracing = Object.fromEntries(
    openTelemetry.map((name) => [name, runner.dependencies[name] ?? runner.devDependencies[name]]),
  );
  writeFileSync(
    path.join(project, "package.json"),
    JSON.stringify({
      name: "consumer",
      private: true,
      type: "module",
      dependencies: { ...dependencies, ...types, ...tracing },
    }),
  );
  const own = Object.entries(tarballs).map(([name, file]) => `  "${name}": "file:${file}"\n`);
  const text = readFileSync(path.join(root, "pnpm-workspace.yaml"), "utf8");
  const shared = /^overrides:\n((?:[ ]+[^\n]*\n)*)/m.exec(text)?.[1] ?? "";
  const builds = /^allowBuilds:\n(?:[ ]+[^\n]*\n)*/m.exec(text)?.[0] ?? "";
  writeFileSync(path.join(project, "pnpm-workspace.yaml"), `${builds}overrides:\n${shared}${own.join("")}`);
}

/** Heavy packages that an install of light ones brought along. */
export function heavyIn(project: string): string[] {
  const installed = readdirSync(path.join(project, "node_modules", ".pnpm"));
  return heavyDependencies
    .filter((name) => installed.some((entry) => entry.startsWith(`${name.replace("/", "+")}@`)))
    .map((name) => `installing only light packages also installs ${name}`);
}
