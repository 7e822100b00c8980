import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterEach, beforeEach, expect, it } from "vitest";
import { listFiles } from "./list-files.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "spanloom-list-"));
  mkdirSync(path.join(folder, "assets"));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

it("files are listed with their types, and large ones compressed beside themselves", () => {
  const script = "let x = 1;\n".repeat(200);
  writeFileSync(path.join(folder, "index.html"), "<p>");
  writeFileSync(path.join(folder, "assets", "a-1.js"), script);
  const files = listFiles(folder);
  expect(files).toMatchObject([
    { path: "/assets/a-1.js", type: "text/javascript; charset=utf-8", immutable: true, encodings: ["br", "gzip"] },
    { path: "/index.html", type: "text/html; charset=utf-8", immutable: false, encodings: [] },
  ]);
  const read = (ending: string) => readFileSync(path.join(folder, `assets/a-1.js${ending}`));
  expect(String(brotliDecompressSync(read(".br")))).toBe(script);
  expect(String(gunzipSync(read(".gz")))).toBe(script);
});

it("a worker is known by its name to compile WebAssembly", () => {
  for (const name of ["a-wasm-worker-x1.js", "a-worker-x1.js"]) writeFileSync(path.join(folder, "assets", name), "1");
  expect(listFiles(folder).map(({ compiles }) => compiles)).toEqual([true, undefined]);
});

it("another content has another hash", () => {
  const file = path.join(folder, "index.html");
  writeFileSync(file, "a");
  const [before] = listFiles(folder);
  writeFileSync(file, "b");
  const [after] = listFiles(folder);
  expect(before?.hash).not.toBe(after?.hash);
});

it("a kind of file whose type is not known is refused", () => {
  writeFileSync(path.join(folder, "a.exe"), "");
  expect(() => listFiles(folder)).toThrow("no content type is known");
});
