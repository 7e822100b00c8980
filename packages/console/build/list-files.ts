import { createHash } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import type { ConsoleFile } from "../src/console-assets.ts";

const contentTypes: Readonly<Record<string, string>> = {
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".json": "application/json",
  ".svg": "image/svg+xml",
  ".wasm": "application/wasm",
  ".woff2": "font/woff2",
};

/** What is smaller than a packet gains nothing. */
const COMPRESS_FROM_BYTES = 1_024;

/** The best compression of the 5 MB that write Parquet takes 8.7 s, the next but one 0.8 s and a sixth more bytes. */
const LARGE_BYTES = 1_000_000;

/** Compresses each file of a folder beside itself, and lists them for the server. */
export function listFiles(folder: string): ConsoleFile[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => path.join(entry.parentPath, entry.name))
    .sort()
    .map((file) => listFile(folder, file));
}

/** Errors: throws for a file of a kind whose content type is not known. */
function listFile(folder: string, file: string): ConsoleFile {
  const type = contentTypes[path.extname(file)];
  if (type === undefined) throw new Error(`cannot list ${file}: no content type is known for it`);
  const bytes = readFileSync(file);
  const inside = `/${path.relative(folder, file).split(path.sep).join("/")}`;
  return {
    path: inside,
    type,
    hash: createHash("sha256").update(bytes).digest("base64url").slice(0, 22),
    immutable: inside.startsWith("/assets/"),
    encodings: compress(file, bytes),
    ...(/-wasm-worker-[^/]*\.js$/.test(inside) && { compiles: true }),
  };
}

function compress(file: string, bytes: Buffer): string[] {
  if (bytes.length < COMPRESS_FROM_BYTES || file.endsWith(".woff2")) return [];
  const params = {
    [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    [constants.BROTLI_PARAM_QUALITY]: bytes.length > LARGE_BYTES ? 9 : constants.BROTLI_MAX_QUALITY,
  };
  writeFileSync(`${file}.br`, brotliCompressSync(bytes, { params }));
  writeFileSync(`${file}.gz`, gzipSync(bytes, { level: 9 }));
  return ["br", "gzip"];
}
