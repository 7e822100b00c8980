import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { QueryService } from "@spanloom/protocol";
import { afterAll, beforeAll, expect, it } from "vitest";
import { sampleChunk } from "./testing/sample-spans.ts";
import { sampleTrace } from "./testing/sample-trace.ts";

/** What this needs of Vite, whose types are not a dependency of the package. */
interface Bundler {
  build: (options: object) => Promise<[Bundle]>;
}

interface Bundle {
  output: { fileName: string; imports: string[]; dynamicImports: string[]; moduleIds: string[] }[];
}

let bundle: Bundle;

/** What a bundler makes of the package for a page. */
let folder: string;
let query: typeof import("./index.ts");
let server: Server;
let url: string;
let left = 0;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "spanloom-browser-"));
  // The bundler that the test runner brings.
  const vite = createRequire(createRequire(import.meta.url).resolve("vitest/package.json")).resolve("vite");
  const { build } = (await import(pathToFileURL(vite).href)) as Bundler;
  [bundle] = await build({
    configFile: false,
    logLevel: "error",
    root: import.meta.dirname,
    build: {
      outDir: folder,
      minify: false,
      lib: { entry: join(import.meta.dirname, "index.ts"), formats: ["es"], fileName: "query" },
    },
  });
  query = (await import(pathToFileURL(join(folder, "query.js")).href)) as typeof query;
  server = createServer(
    connectNodeAdapter({
      routes: ({ service }) =>
        service(QueryService, {
          async *querySpans(request, context) {
            context.signal.addEventListener("abort", () => left++);
            if (request.limit === 1n) throw new ConnectError("the store is away", Code.Unavailable);
            for (let i = 0; i < 100 && !context.signal.aborted; i++) yield { chunk: sampleChunk(sampleTrace()) };
          },
        }),
    }),
  );
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  server?.closeAllConnections();
  await new Promise((closed) => server?.close(closed));
  rmSync(folder, { recursive: true, force: true });
});

it("has nothing of Node in its bundle", () => {
  const own = new Set(bundle.output.map(({ fileName }) => fileName));
  const foreign = bundle.output.flatMap(({ imports, dynamicImports }) =>
    [...imports, ...dynamicImports].filter((name) => !own.has(name)),
  );
  expect(foreign).toEqual([]);
  const modules = bundle.output.flatMap(({ moduleIds }) => moduleIds);
  expect(modules.filter((id) => id.endsWith("query/src/platform-browser.ts"))).toHaveLength(1);
  // A bundler stands its own module in for one of Node's.
  expect(
    modules.filter((id) =>
      /browser-external|connect-node|platform-node|node_modules.*parquet|load-parquet|^node:/.test(id),
    ),
  ).toEqual([]);
});

it("exports what it exports in Node", async () => {
  expect(Object.keys(query).sort()).toEqual(Object.keys(await import("./index.ts")).sort());
});

it("asks by fetch, for tables, data frames and drawings", async () => {
  const client = new query.QueryClient({ url, token: "t" });
  const table = await client.spans().toArrow();
  expect(table.numRows).toBe(100 * sampleTrace().length);
  expect((await client.spans().toDataFrame()).numRows()).toBe(table.numRows);
  expect(query.renderSummary(table)).toContain("job audit");
});

it("ends a query whose loop is left", async () => {
  const before = left;
  for await (const batch of new query.QueryClient({ url }).spans().stream()) {
    expect(batch.numRows).toBeGreaterThan(0);
    break;
  }
  await expect.poll(() => left).toBeGreaterThan(before);
  for await (const piece of new query.QueryClient({ url }).spans().encode("csv")) {
    expect(piece).toContain("span_id");
    break;
  }
  await expect.poll(() => left).toBeGreaterThan(before + 1);
});

it("tells errors of the server as in Node, and refuses files", async () => {
  const client = new query.QueryClient({ url });
  await expect(client.spans({ limit: 1 }).toArrow()).rejects.toMatchObject({
    message: `cannot query spans of ${url}: the store is away`,
    retryable: true,
  });
  await expect(client.spans().toFile("x.csv")).rejects.toThrow('cannot write "x.csv": a browser has no files');
  await expect(client.spans().toBlob("parquet")).rejects.toThrow("cannot write Parquet: there is no writer");
  const text = await (await client.spans().toBlob("csv")).text();
  expect(text.split("\n")[0]).toMatch(/^trace_id,span_id,/);
});

it("asks the page's own server when none is named", () => {
  const page = globalThis as { location?: unknown };
  page.location = { origin: "https://spans.example" };
  try {
    expect(new query.QueryClient().url).toBe("https://spans.example");
  } finally {
    delete page.location;
  }
});
