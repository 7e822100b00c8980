/**
 * The layers of Spanloom: which workspace package may import which.
 *
 * This table is the diagram of ARCHITECTURE.md; `npm run check -- layers` holds the sources to it. Tests may import
 * every package that their own package names in devDependencies.
 */
export interface Layer {
  /** Folder of the package; a trailing `/*` stands for each folder in it that has no entry of its own. */
  folder: string;
  /** What its sources may import, by npm name. */
  imports: readonly string[];
  /** What they may import only with `import()`, so that it is loaded on demand and is not a hard dependency. */
  dynamicImports?: readonly string[];
  /**
   * Whether what it imports is bundled into what it publishes: it lists that in devDependencies, so that installing the
   * package brings nothing along.
   */
  bundled?: boolean;
}

const everything = [
  "@spanloom/protocol",
  "@spanloom/metrics",
  "@spanloom/sdk",
  "@spanloom/runner",
  "@spanloom/server",
  "@spanloom/query",
  "@spanloom/exporter",
  "@spanloom/exporter-axiom",
  "@spanloom/exporter-console",
  "@spanloom/exporter-datadog",
  "@spanloom/exporter-file",
  "@spanloom/exporter-google-cloud-trace",
  "@spanloom/exporter-honeycomb",
  "@spanloom/exporter-jaeger",
  "@spanloom/exporter-newrelic",
  "@spanloom/exporter-otlp",
  "@spanloom/exporter-tempo",
  "@spanloom/exporter-wavefront",
  "@spanloom/exporter-xray",
  "@spanloom/cli",
  "@spanloom/console",
  "@spanloom/toolchains",
] as const;

export const layers: readonly Layer[] = [
  { folder: "packages/protocol", imports: [] },
  { folder: "packages/metrics", imports: ["@spanloom/protocol"] },
  { folder: "packages/sdk", imports: ["@spanloom/protocol"] },
  {
    folder: "packages/runner",
    imports: ["@spanloom/sdk", "@spanloom/protocol", "@spanloom/exporter", "@spanloom/metrics"],
    dynamicImports: ["@spanloom/server"],
  },
  {
    folder: "packages/server",
    imports: ["@spanloom/protocol", "@spanloom/exporter", "@spanloom/metrics"],
    dynamicImports: ["@spanloom/console"],
  },
  { folder: "packages/query", imports: ["@spanloom/protocol"] },
  { folder: "packages/exporters/base", imports: ["@spanloom/protocol"] },
  { folder: "packages/exporters/*", imports: ["@spanloom/exporter", "@spanloom/protocol"] },
  {
    folder: "packages/cli",
    imports: ["@spanloom/sdk", "@spanloom/query", "@spanloom/protocol", "@spanloom/exporter"],
    dynamicImports: ["@spanloom/server", "@spanloom/runner"],
  },
  { folder: "packages/console", imports: ["@spanloom/protocol", "@spanloom/query"], bundled: true },
  { folder: "packages/testing", imports: everything },
  { folder: "packages/toolchains", imports: [] },
  { folder: "apps/*", imports: everything },
  { folder: "bench", imports: everything },
  // From outside: nothing of ours but what proto/ generates.
  { folder: "conformance", imports: ["@spanloom/protocol"] },
];

/** A layer inside packages/server/src: what it may import. */
export interface ServerLayer {
  /** Folders, single files where only an interface is meant, and `folder/*` for files right in a folder. */
  imports: readonly string[];
  /** What it may import only with `import type`: shapes of records, which vanish before anything runs. */
  typeImports?: readonly string[];
}

const interfaces = [
  "store/store.ts",
  "store/trigger-store.ts",
  "telemetry/telemetry.ts",
  "telemetry/columnar/span-store.ts",
  "clock.ts",
];

/** What parts that may be traced are handed. */
const tracing = "self-tracing/self-tracer.ts";

/** What stores share, and may import. */
const stores = ["store/*", "engine", "clock.ts", "present.ts", "make-folder.ts", tracing];

/**
 * The layers inside packages/server/src, by folder; the first that a file is in counts.
 *
 * Data flows one way: rpc decodes and asks, engine decides, store and telemetry keep. Above an interface nobody sees
 * what is behind it. What is not named here (the composition at the top of src, and bin) may import everything.
 */
export const serverLayers: Readonly<Record<string, ServerLayer>> = {
  engine: { imports: ["engine"], typeImports: ["store/store.ts", "store/trigger-store.ts"] },
  "store/sqlite": { imports: ["store/sqlite", ...stores] },
  "store/postgres": { imports: ["store/postgres", ...stores] },
  store: { imports: stores },
  telemetry: {
    imports: ["telemetry", "engine", "store/store.ts", "clock.ts", "free-now.ts", "make-folder.ts", tracing],
  },
  rpc: {
    imports: ["rpc", "engine", "webhooks", "present.ts", tracing, ...interfaces],
    typeImports: ["closed-spans/span-handout.ts", "store/trigger-store.ts"],
  },
  matching: { imports: ["matching", "engine", "clock.ts"] },
  triggers: { imports: ["triggers", "matching", "engine", tracing, ...interfaces] },
  forward: { imports: ["forward", ...interfaces] },
  "closed-spans": {
    imports: ["closed-spans", "forward", "telemetry/lifecycle", "telemetry/columns", ...interfaces],
  },
  metrics: {
    imports: ["metrics", "http/call-durations.ts", "http/request-durations.ts", ...interfaces],
    typeImports: ["forward/forwarder.ts"],
  },
  http: { imports: ["http", "rpc", "webhooks", "free-now.ts", tracing, ...interfaces] },
  webhooks: { imports: ["webhooks", "engine/json-depth.ts"], typeImports: ["store/trigger-store.ts"] },
  "self-tracing": { imports: ["self-tracing", "clock.ts", "telemetry/telemetry.ts", "forward/load-exporters.ts"] },
};
