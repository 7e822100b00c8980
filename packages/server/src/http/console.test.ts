import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { request as httpRequest, type IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";
import { tempDir } from "@spanloom/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serveStubs } from "../rpc/testing/stubs.ts";
import type { ConsoleAssets } from "./console.ts";

const PAGE = "<!doctype html><title>The console</title>";
const SCRIPT = "let everything = 'is here';";
const BROWSER = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };

let dir: ReturnType<typeof tempDir>;
let assets: ConsoleAssets;
let server: Awaited<ReturnType<typeof serveStubs>>;
beforeEach(async () => {
  dir = tempDir();
  mkdirSync(join(dir.path, "assets"));
  writeFileSync(join(dir.path, "secret.txt"), "listed nowhere");
  writeFileSync(join(dir.path, "index.html"), PAGE);
  const script = join(dir.path, "assets", "main-1.js");
  writeFileSync(script, SCRIPT);
  writeFileSync(join(dir.path, "assets", "file-wasm-worker-1.js"), SCRIPT);
  writeFileSync(`${script}.br`, brotliCompressSync(SCRIPT));
  writeFileSync(`${script}.gz`, gzipSync(SCRIPT));
  assets = {
    folder: dir.path,
    files: [
      { path: "/index.html", type: "text/html; charset=utf-8", hash: "h1", immutable: false, encodings: [] },
      {
        path: "/assets/main-1.js",
        type: "text/javascript; charset=utf-8",
        hash: "h2",
        immutable: true,
        encodings: ["br", "gzip"],
      },
      {
        path: "/assets/file-wasm-worker-1.js",
        type: "text/javascript; charset=utf-8",
        hash: "h3",
        immutable: true,
        encodings: [],
        compiles: true,
      },
    ],
  };
  server = await serveStubs({ console: assets, token: "t" });
});
afterEach(async () => {
  await server.stop();
  dir[Symbol.dispose]();
});

interface Answer {
  status: number | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** Asks without decoding the answer. */
function ask(path: string, headers: Record<string, string> = {}, method = "GET"): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const asking = httpRequest(server.url + path, { method, headers }, async (response) => {
      resolve({
        status: response.statusCode,
        headers: response.headers,
        body: Buffer.concat(await response.toArray()),
      });
    });
    asking.on("error", reject).end();
  });
}

describe("the console", () => {
  it("is what a browser gets at / and at every path that may be one of its pages, without a token", async () => {
    for (const path of ["/", "/jobs", "/jobs/019f/waterfall?x=1.5", "/index.html"]) {
      const { status, headers, body } = await ask(path, BROWSER);
      expect([path, status, String(body)]).toEqual([path, 200, PAGE]);
      expect(headers).toMatchObject({ "content-type": "text/html; charset=utf-8", "cache-control": "no-cache" });
      expect(headers.vary).toBe("accept, accept-encoding");
    }
  });

  it("stands in the way of nothing else", async () => {
    expect(String((await ask("/")).body)).toContain("Spanloom server");
    expect(String((await ask("/healthz", BROWSER)).body)).toBe("ok\n");
    expect((await ask("/metrics", BROWSER)).status).toBe(401);
    for (const path of ["/v1/traces", "/v1/nothing", "/hooks/shop", "/assets/gone", "/a.b", "/spanloom.v1.No/Call"]) {
      const { status, body } = await ask(path, BROWSER);
      expect([path, String(body).includes("<!doctype")]).toEqual([path, false]);
      expect([path, status]).not.toEqual([path, 200]);
    }
    const call = await ask(
      "/spanloom.v1.JobService/GetJob",
      { ...BROWSER, "content-type": "application/json" },
      "POST",
    );
    expect(String(call.body)).toContain("unauthenticated");
    expect((await ask("/jobs", BROWSER, "POST")).status).toBe(404);
    expect((await ask("/jobs", { accept: "application/json" })).status).toBe(404);
  });

  it("lets its page load and run what is the server's own, and nothing written into it", async () => {
    for (const path of ["/", "/assets/main-1.js"]) {
      const { headers } = await ask(path, BROWSER);
      const policy = String(headers["content-security-policy"]);
      expect(policy).toMatch(/^default-src 'none'; script-src 'self'; /);
      expect(policy).not.toMatch(/unsafe|\*|https?:/);
      expect(policy).toContain("frame-ancestors 'none'");
      expect(headers).toMatchObject({ "x-content-type-options": "nosniff", "referrer-policy": "no-referrer" });
    }
  });

  it("lets the worker compile WebAssembly that is made to, and never text", async () => {
    const { headers } = await ask("/assets/file-wasm-worker-1.js", {});
    const policy = String(headers["content-security-policy"]);
    expect(policy).toContain("script-src 'self' 'wasm-unsafe-eval'; ");
    expect(policy.replace("'wasm-unsafe-eval'", "")).not.toMatch(/unsafe|\*|https?:/);
  });

  it.each([
    ["gzip, deflate, br, zstd", "br", brotliCompressSync(SCRIPT)],
    ["gzip", "gzip", gzipSync(SCRIPT)],
    ["br;q=0, gzip;q=0.5", "gzip", gzipSync(SCRIPT)],
    ["br;q=0.2, gzip;q=0.8", "gzip", gzipSync(SCRIPT)],
    ["gzip;q=1.0, br;q=1", "br", brotliCompressSync(SCRIPT)],
    ["GZIP ; Q=0.5", "gzip", gzipSync(SCRIPT)],
    ["*", "br", brotliCompressSync(SCRIPT)],
    ["br;q=0, *;q=0.1", "gzip", gzipSync(SCRIPT)],
    ["br;q=0.000", undefined, Buffer.from(SCRIPT)],
    ["gzip;q=0.3, identity;q=0.9", undefined, Buffer.from(SCRIPT)],
    ["zstd, brotli, x-gzip", undefined, Buffer.from(SCRIPT)],
    ["br;q=much", "br", brotliCompressSync(SCRIPT)],
    ["identity", undefined, Buffer.from(SCRIPT)],
    [",;,", undefined, Buffer.from(SCRIPT)],
    ["", undefined, Buffer.from(SCRIPT)],
  ])("sends a file in the form that a client likes best who says %j", async (accepted, encoding, body) => {
    const answer = await ask("/assets/main-1.js", { "accept-encoding": accepted });
    expect(answer.headers["content-encoding"]).toBe(encoding);
    expect(answer.headers["content-length"]).toBe(String(body.length));
    expect(answer.body.equals(body)).toBe(true);
    expect(answer.headers.vary).toBe("accept-encoding");
  });

  it("has files kept for good whose names tell their content, and asked after whose do not", async () => {
    const script = await ask("/assets/main-1.js", { "accept-encoding": "br" });
    expect(script.headers["cache-control"]).toBe("public, max-age=31536000, immutable");
    const plain = await ask("/assets/main-1.js");
    expect([script.headers.etag, plain.headers.etag]).toEqual(['"h2-br"', '"h2"']);
    for (const tags of ['"h1"', 'W/"h1"', '"other", "h1"', "*"]) {
      const again = await ask("/jobs", { ...BROWSER, "if-none-match": tags });
      expect([again.status, String(again.body), again.headers.etag]).toEqual([304, "", '"h1"']);
    }
    expect((await ask("/jobs", { ...BROWSER, "if-none-match": '"h2"' })).status).toBe(200);
  });

  it("answers HEAD with the headers alone", async () => {
    const { status, headers, body } = await ask("/", BROWSER, "HEAD");
    expect([status, headers["content-length"], String(body)]).toEqual([200, String(PAGE.length), ""]);
    const packed = await ask("/assets/main-1.js", { "accept-encoding": "br" }, "HEAD");
    expect([packed.headers["content-encoding"], packed.headers["content-length"], packed.body.length]).toEqual([
      "br",
      String(brotliCompressSync(SCRIPT).length),
      0,
    ]);
    expect((await ask("/jobs", { ...BROWSER, "if-none-match": '"h1"' }, "HEAD")).status).toBe(304);
  });

  it("reads no file that is not listed", async () => {
    for (const path of [
      "/secret.txt",
      "/assets/../secret.txt",
      "/assets/%2e%2e/secret.txt",
      "/..%2fsecret.txt",
      "/%2e%2e%2fsecret.txt",
      "/assets/..\\secret.txt",
      "//secret.txt",
      "/./secret.txt",
      "/secret.txt%00.js",
      "/assets/main-1.js%00",
      "/assets/main-1.js/",
      "/assets/",
      "/assets/main-1.js.br",
      "/ASSETS/main-1.js",
    ]) {
      const { status, body } = await ask(path, BROWSER);
      expect([path, status, String(body).includes("listed nowhere")]).toEqual([path, 404, false]);
    }
  });

  it("takes whatever else is asked for as a path of its page, and writes none of it into an answer", async () => {
    const hostile = [
      "/%00",
      "/jobs/%3Cscript%3E",
      "/%ff%fe",
      "/jobs/%",
      `/${"a".repeat(8_000)}`,
      "/constructor",
      "/__proto__",
    ];
    for (const path of hostile) {
      const { status, body } = await ask(path, BROWSER);
      expect([path.slice(0, 40), status, String(body)]).toEqual([path.slice(0, 40), 200, PAGE]);
    }
    expect((await ask(`/${"a".repeat(40_000)}`, BROWSER)).status).toBe(431);
  });

  it("answers a question for a part of a file with the whole of it", async () => {
    const { status, body } = await ask("/assets/main-1.js", { range: "bytes=0-3" });
    expect([status, String(body)]).toEqual([200, SCRIPT]);
  });

  it("goes on when a file cannot be read, and reads it when it is back", async () => {
    const page = join(dir.path, "index.html");
    rmSync(page);
    await expect(ask("/", BROWSER)).rejects.toThrow("socket hang up");
    expect(server.log.join("\n")).toContain("cannot serve the console's /index.html");
    writeFileSync(page, PAGE);
    expect((await ask("/", BROWSER)).status).toBe(200);
  });
});

it("where there is no console, / tells how to get it", async () => {
  await using without = await serveStubs();
  const answer = await fetch(without.url, { headers: BROWSER });
  expect(await answer.text()).toContain("npm install @spanloom/console");
  expect((await fetch(`${without.url}/jobs`, { headers: BROWSER })).status).toBe(404);
});
