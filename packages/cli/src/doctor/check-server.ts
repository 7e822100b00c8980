import { createClient } from "@connectrpc/connect";
import { RunnerService, type SpanloomError } from "@spanloom/protocol";
import { QueryClient } from "@spanloom/query";
import { Client, type Connection, callWithRetry, toCallError } from "@spanloom/sdk";
import type { CliContext } from "../cli-context.ts";
import { cliVersion } from "../version.ts";
import { type CheckState, type Finding, finding } from "./finding.ts";

/** What the server is asked through. */
export interface ServerAccess {
  connection: Connection;
  token: string | undefined;
  context: CliContext;
}

const afterServer = ["stores", "clock", "versions", "console", "token", "telemetry", "runners"];
const NOBODY = "00000000-0000-7000-8000-000000000000";
/** Longest wait for a page; a server on the other side of the world answers within one. */
const PATIENCE_MS = 10_000;
/** Clocks that differ by less serve every purpose; the answer's own is told in whole seconds. */
const TOLERATED_SKEW_MS = 2_000;

/** Checks the server from outside in; what needs an answer is skipped when there is none. */
export async function checkServer(access: ServerAccess): Promise<Finding[]> {
  const { url } = access.connection;
  const alive = await page(access, "/healthz");
  if (typeof alive === "string")
    return [
      finding("server", "failed", `cannot reach ${url}: ${alive}`, "Start one with: spanloom server"),
      ...skipped("no server"),
    ];
  if (alive.status !== 200 || alive.text.trim() !== "ok")
    return [
      finding(
        "server",
        "failed",
        `something else answers at ${url}: HTTP ${alive.status}`,
        "Correct --url, or free the port.",
      ),
      ...skipped("no server"),
    ];
  const greeting = await page(access, "/");
  return [
    finding("server", "ok", `answers at ${url}`),
    stores(await page(access, "/readyz")),
    clock(alive),
    versions(alive),
    webConsole(greeting, url),
    await called("token", access, countJobs),
    await called("telemetry", access, readSpans),
    await called("runners", access, countRunners),
  ];
}

function skipped(reason: string): Finding[] {
  return afterServer.map((name) => finding(name, "skipped", reason));
}

interface Page {
  status: number;
  text: string;
  /** How far the server's clock is ahead; undefined when it did not tell. */
  aheadMs: number | undefined;
  /** Version of the server; null when it did not tell. */
  version: string | null;
}

/** A page of the server, or why there is none. */
async function page({ connection, context }: ServerAccess, path: string): Promise<Page | string> {
  const askedMs = context.nowMs();
  try {
    const signal = AbortSignal.any([context.signal, AbortSignal.timeout(PATIENCE_MS)]);
    const response = await fetch(`${connection.url}${path}`, { signal, redirect: "manual" });
    const text = await response.text();
    const toldMs = Date.parse(response.headers.get("date") ?? "");
    const middleMs = (askedMs + context.nowMs()) / 2;
    // The header has whole seconds: on average half of one has passed since.
    const aheadMs = Number.isNaN(toldMs) ? undefined : toldMs + 500 - middleMs;
    return { status: response.status, text, aheadMs, version: response.headers.get("spanloom-version") };
  } catch (error) {
    context.signal.throwIfAborted();
    const { cause, message } = error as Error & { cause?: Error & { code?: string } };
    return cause?.message || cause?.code || message;
  }
}

function stores(ready: Page | string): Finding {
  if (typeof ready !== "string" && ready.status === 200) return finding("stores", "ok", "open");
  const told = typeof ready === "string" ? ready : ready.text.trim();
  return finding(
    "stores",
    "failed",
    `the server is ${told}`,
    "Read the server's own output: it says what it waits for.",
  );
}

function clock({ aheadMs }: Page): Finding {
  if (aheadMs === undefined) return finding("clock", "skipped", "the server does not tell its time");
  const seconds = (Math.abs(aheadMs) / 1_000).toFixed(1);
  if (Math.abs(aheadMs) < TOLERATED_SKEW_MS) return finding("clock", "ok", "agrees with the server's within 2 s");
  const message = `the server's clock is ${seconds} s ${aheadMs > 0 ? "ahead of" : "behind"} this one`;
  return finding("clock", "warning", message, "Synchronize both, e.g. with: timedatectl set-ntp true");
}

function versions(alive: Page): Finding {
  const mine = cliVersion();
  const theirs = alive.version;
  if (theirs === null) return finding("versions", "skipped", `command line ${mine}; the server does not tell its own`);
  if (theirs === mine) return finding("versions", "ok", `command line and server ${mine}`);
  const message = `command line ${mine}, server ${theirs}`;
  return finding("versions", "warning", message, `Install the server's with: npm install @spanloom/cli@${theirs}`);
}

/** The greeting of a server says whether a browser would get the console in its place. */
function webConsole(greeting: Page | string, url: string): Finding {
  const told = typeof greeting === "string" ? undefined : /^Console (\w+)/m.exec(greeting.text)?.[1];
  if (told === undefined) return finding("console", "skipped", "the server does not tell whether it has one");
  if (told === "open") return finding("console", "ok", `open ${url} in a browser`);
  return finding("console", "ok", "none is served", "Beside the server: npm install @spanloom/console");
}

type Told = readonly [state: CheckState, message: string, hint?: string];

/** A check by a call; what the call fails with is what the check found. */
async function called(
  name: string,
  access: ServerAccess,
  call: (access: ServerAccess) => Promise<Told>,
): Promise<Finding> {
  try {
    const [state, message, hint] = await call(access);
    return finding(name, state, message, hint);
  } catch (error) {
    access.context.signal.throwIfAborted();
    return refusal(name, toCallError(error, access.connection.url));
  }
}

function refusal(name: string, { reason, message }: SpanloomError): Finding {
  if (reason === "UNAUTHENTICATED")
    return name === "token"
      ? finding(name, "failed", message, "Give a token that the server knows with --token or SPANLOOM_TOKEN.")
      : finding(name, "skipped", "no token that the server knows");
  // A token made for one purpose is no defect of the server.
  if (reason === "PERMISSION_DENIED")
    return finding(name, "warning", message, "Use a token that has this scope, if you need it.");
  return finding(name, "failed", message, "Read the server's own output.");
}

async function countJobs({ connection, token }: ServerAccess): Promise<Told> {
  using client = new Client({ url: connection.url, token, retry: { maxAttempts: 1 } });
  const counts = Object.values(await client.jobs.count());
  const jobs = counts.reduce((sum, count) => sum + count, 0);
  return ["ok", `${token ? "accepted" : "none is asked for"}; ${jobs} jobs`];
}

/** Spans of a job that cannot be: the whole way is gone, and nothing is read. */
async function readSpans({ connection, token, context }: ServerAccess): Promise<Told> {
  const client = new QueryClient({ url: connection.url, ...(token && { token }) });
  await client.spans({ job: NOBODY, limit: 1 }).toArrow({ signal: context.signal });
  return ["ok", "spans can be read"];
}

async function countRunners({ connection }: ServerAccess): Promise<Told> {
  const service = createClient(RunnerService, connection.transport);
  const ask = { pageSize: 1_000 };
  const { runners } = await callWithRetry(connection.url, (options) => service.listRunners(ask, options), {
    maxAttempts: 1,
  });
  if (runners.length > 0) return ["ok", `${runners.length} at work`];
  return ["warning", "none: jobs will wait", "Start one with: spanloom runner tasks.ts"];
}
