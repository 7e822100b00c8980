import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { HttpResponse } from "./http-response.ts";
import type { HttpRequest } from "./request-body.ts";

/** The encodings that files lie there in beside their plain text, the one that makes them smallest first. */
const ENCODINGS = [
  { name: "br", ending: ".br" },
  { name: "gzip", ending: ".gz" },
] as const;

/** One file of the console. */
export interface ConsoleFile {
  /** Its path in URLs, such as `/assets/main-Ab3x.js`, which is its path below the folder as well. */
  path: string;
  type: string;
  /** Tells one content from another. */
  hash: string;
  /** Whether its name changes with its content, so that a browser need not ask again. */
  immutable: boolean;
  encodings: readonly string[];
  /** Whether it is a worker that compiles WebAssembly. */
  compiles?: boolean;
}

/** The console as it was built. */
export interface ConsoleAssets {
  folder: string;
  /** Every file that is served: a path that is not among them is read from no disk. */
  files: readonly ConsoleFile[];
}

/** Serves a file or a page of the console and answers true, or false when the path is another's. */
export type ServeConsole = (path: string, request: HttpRequest, response: HttpResponse) => boolean;

/** The page that every path of the console opens. */
const INDEX = "/index.html";

/** What never is a page of the console, also where nothing is served there. */
const OTHERS = /^\/(healthz|readyz|metrics|v1|hooks|assets)(\/|$)/;

/**
 * What a page may do: run and load what this server serves, ask this server, and nothing else. A page that somebody
 * managed to write markup into could still run no script.
 */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "connect-src 'self'",
  "style-src 'self'",
  "img-src 'self' data: blob:",
  "font-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

/** What a worker may do that compiles WebAssembly: a worker has the policy that came with its script, not the page's. */
const COMPILING_POLICY = POLICY.replace("script-src 'self'", "script-src 'self' 'wasm-unsafe-eval'");

const SECURITY = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
} as const;

/** A year, the most that caches are asked for. */
const FOREVER = "public, max-age=31536000, immutable";

/**
 * Serves the web console: its files by their paths, and its page for whatever else a browser opens.
 *
 * Only what asks for a page gets one in place of an answer that there is no such path, so that a program with a wrong path
 * is told so. No token is needed: the files are public, and what they show is asked for by calls, which carry one.
 */
export function createConsole({ folder, files }: ConsoleAssets, log: (line: string) => void): ServeConsole {
  const byPath = new Map(files.map((file) => [file.path, file]));
  const read = rememberFiles(folder);
  return (path, request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") return false;
    const file = byPath.get(path) ?? (isPage(path, request) ? byPath.get(INDEX) : undefined);
    if (!file) return false;
    request.resume();
    void answer(file, request, response, read).catch((error) => {
      log(`cannot serve the console's ${file.path}: ${error instanceof Error ? error.stack : error}`);
      response.destroy();
    });
    return true;
  };
}

/** Whether a browser opens a page here: it takes markup, and the path has no name with an ending, as files and calls do. */
function isPage(path: string, { headers }: HttpRequest): boolean {
  return String(headers.accept ?? "").includes("text/html") && !path.includes(".") && !OTHERS.test(path);
}

type ReadFile = (name: string) => Promise<Buffer>;

/** Reads each file once; they are few, and do not change while the server runs. */
function rememberFiles(folder: string): ReadFile {
  const known = new Map<string, Promise<Buffer>>();
  return (name) => {
    const reading = known.get(name) ?? readFile(join(folder, name));
    known.set(name, reading);
    // What could not be read is tried again by the next one who asks.
    reading.catch(() => known.delete(name));
    return reading;
  };
}

async function answer(file: ConsoleFile, request: HttpRequest, response: HttpResponse, read: ReadFile): Promise<void> {
  const encoding = encodingFor(file, String(request.headers["accept-encoding"] ?? ""));
  const etag = `"${file.hash}${encoding ? `-${encoding.name}` : ""}"`;
  const headers = {
    ...SECURITY,
    "content-security-policy": file.compiles ? COMPILING_POLICY : POLICY,
    etag,
    vary: file.path === INDEX ? "accept, accept-encoding" : "accept-encoding",
    "cache-control": file.immutable ? FOREVER : "no-cache",
  };
  if (namesTag(request.headers["if-none-match"], etag)) {
    response.writeHead(304, headers);
    response.end();
    return;
  }
  const body = await read(file.path + (encoding?.ending ?? ""));
  response.writeHead(200, {
    ...headers,
    "content-type": file.type,
    "content-length": body.length,
    ...(encoding && { "content-encoding": encoding.name }),
  });
  response.end(request.method === "HEAD" ? undefined : body);
}

/** The form that the client likes best, of those it likes alike the smallest; undefined for the plain one. */
function encodingFor({ encodings }: ConsoleFile, accepted: string): (typeof ENCODINGS)[number] | undefined {
  const weights = acceptedWeights(accepted);
  const weightOf = (name: string) => weights.get(name) ?? weights.get("*") ?? 0;
  // What is not named is taken as well, but nothing says that it is liked better than what is.
  const plain = weights.get("identity") ?? 0;
  const there = ENCODINGS.filter(({ name }) => encodings.includes(name) && weightOf(name) > 0);
  const best = Math.max(...there.map(({ name }) => weightOf(name)));
  return best >= plain ? there.find(({ name }) => weightOf(name) === best) : undefined;
}

/** How much a client likes each encoding that it names, 0 to 1; of what is no weight, 1. */
function acceptedWeights(accepted: string): Map<string, number> {
  const parts = accepted.split(",").map((part) => {
    const [name = "", ...parameters] = part.split(";").map((each) => each.trim().toLowerCase());
    const weight = parameters.find((each) => each.startsWith("q="))?.slice(2);
    const isWeight = weight !== undefined && /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(weight);
    return [name, isWeight ? Number(weight) : 1] as const;
  });
  return new Map(parts.filter(([name]) => name !== ""));
}

/** Whether a list of tags has this one. Proxies that compress mark tags as weak. */
function namesTag(list: string | undefined, etag: string): boolean {
  return (list ?? "").split(",").some((tag) => tag.trim() === "*" || tag.trim().replace(/^W\//, "") === etag);
}
