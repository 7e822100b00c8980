import { callUnary } from "../calls/call.ts";
import { methods } from "../calls/methods.ts";
import { createTransport, type Protocol, protocols } from "../calls/protocols.ts";
import { readServerSuites } from "../server/read-server-suites.ts";
import { type ServerOptions, ServerSubject } from "../server/server-subject.ts";
import type { Step } from "../steps/step.ts";
import { type Command, type ConnectOptions, listOf, UsageError } from "./command.ts";

const DEFAULT_URL = "http://127.0.0.1:7171";
const DEFAULT_CONCURRENCY = 64;

/** How long a server may take to answer its first call. */
const REACH_MS = 10_000;

/** `spanloom-conformance server`: tests the server at an address. */
export const serverCommand: Command<Step> = {
  kind: { name: "server", readSuites: readServerSuites },
  usage: "server [--url <url>] [options]",
  help: [
    `  --url <url>                address of the server [SPANLOOM_URL, default ${DEFAULT_URL}]`,
    "  --token <text>             bearer token of every call, with all scopes [SPANLOOM_TOKEN]",
    "  --read-token <text>        one with the scope read alone, for the cases about scopes",
    `  --protocol <names>         ${protocols.join(", ")}; repeated or with commas (default all)`,
    `  --concurrency <number>     cases that run at once (default ${DEFAULT_CONCURRENCY})`,
  ],
  options: {
    url: { type: "string" },
    token: { type: "string" },
    "read-token": { type: "string" },
    protocol: { type: "string", multiple: true },
    concurrency: { type: "string" },
  },
  async connect(options) {
    const subject = subjectOptions(options);
    await checkReachable(subject);
    return new ServerSubject(subject);
  },
};

function subjectOptions({ values, env, patience }: ConnectOptions): ServerOptions {
  const url = String(values.url ?? env.SPANLOOM_URL ?? DEFAULT_URL);
  if (!URL.canParse(url) || !/^https?:/.test(url)) throw new UsageError(`cannot use --url "${url}": not an http URL`);
  const token = values.token === undefined ? env.SPANLOOM_TOKEN : String(values.token);
  const readToken = values["read-token"] === undefined ? undefined : String(values["read-token"]);
  const concurrency = Number(values.concurrency ?? DEFAULT_CONCURRENCY);
  if (!Number.isSafeInteger(concurrency) || concurrency < 1)
    throw new UsageError(`cannot use --concurrency "${String(values.concurrency)}": a whole number of at least 1`);
  return { url, token, readToken, protocols: protocolsOf(listOf(values.protocol)), concurrency, patience };
}

function protocolsOf(names: readonly string[]): readonly Protocol[] {
  const unknown = names.find((name) => !(protocols as readonly string[]).includes(name));
  if (unknown !== undefined) throw new UsageError(`cannot use --protocol "${unknown}": ${protocols.join(", ")}`);
  return names.length === 0 ? protocols : protocols.filter((protocol) => names.includes(protocol));
}

/** A server that is not there would fail every case, each after its own time. One of the protocols must be answered. */
async function checkReachable({ url, token, protocols, patience }: ServerOptions): Promise<void> {
  const timeoutMs = REACH_MS * patience;
  const call = (protocol: Protocol) =>
    callUnary(methods.get("JobService.CountJobs")!, {
      transport: createTransport(protocol, url, token),
      request: {},
      headers: {},
      timeoutMs,
      // Where a server never answers, the transport's own time limit is not always the first to end the call.
      signal: AbortSignal.timeout(timeoutMs + 1_000),
    });
  const outcomes = await Promise.all(protocols.map(call));
  const errors = outcomes.flatMap((outcome, at) =>
    "error" in outcome ? [{ ...outcome.error, over: protocols[at] }] : [],
  );
  const [first] = errors as { code: string; message: string; over: string }[];
  if (first === undefined || errors.length < outcomes.length) return;
  throw new UsageError(
    `cannot test ${url}: JobService.CountJobs failed over ${first.over}: ${first.code}: ${first.message}`,
  );
}
