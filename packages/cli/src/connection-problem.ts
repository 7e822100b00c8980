import { ConnectError } from "@connectrpc/connect";
import { ErrorDetailSchema, type SpanloomError } from "@spanloom/protocol";
import { exitCodes } from "./cli-context.ts";
import type { Explanation } from "./explanation.ts";

/**
 * Explains a call that no Spanloom server answered: what is in the way, and what to do about it.
 *
 * Undefined for errors that a server described, and for those that are not about a call.
 */
export function connectionProblem(error: SpanloomError, url: string): Explanation | undefined {
  const connectError = causeOf(error, ConnectError);
  if (connectError && connectError.findDetails(ErrorDetailSchema).length > 0) return undefined;
  if (error.reason === "DEADLINE_EXCEEDED") return lateAnswer(url);
  if (!connectError) return undefined;
  const status = /\bHTTP (\d{3})$/.exec(connectError.rawMessage)?.[1];
  if (status !== undefined) return otherAnswer(Number(status), url);
  if (/unsupported content type/.test(connectError.rawMessage)) return otherAnswer(200, url);
  const { code = "", message = "" }: Partial<NodeJS.ErrnoException> = causeOf(connectError, Error) ?? {};
  const known = problems.find(([codes]) => codes.test(code));
  if (known) return unavailable(`cannot reach the server at ${url}: ${known[1](message)}`, known[2]);
  // A server that answers in JSON, and does not know the call.
  if (error.reason === "UNIMPLEMENTED") return otherAnswer(404, url);
  return undefined;
}

type Problem = readonly [codes: RegExp, what: (message: string) => string, hint: string];

const elsewhere = "Or name another with --url or SPANLOOM_URL.";

/** Codes of Node.js and OpenSSL with what they mean for a person. */
const problems: readonly Problem[] = [
  [
    /^ECONNREFUSED$/,
    (message) => `nothing listens there (${message})`,
    `Start a server with: spanloom server\n${elsewhere}`,
  ],
  [/^(ENOTFOUND|EAI_AGAIN)$/, (message) => `its name is not known (${message})`, "Correct --url or SPANLOOM_URL."],
  [
    /^(ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|EADDRNOTAVAIL)$/,
    (message) => message,
    `Check the network, and the address in --url or SPANLOOM_URL.`,
  ],
  [
    /^(EPROTO|ERR_SSL_.*)$/,
    () => "what answers there does not speak TLS as it should",
    "If it serves no TLS, write http:// in --url or SPANLOOM_URL.",
  ],
  [
    /CERT|^UNABLE_TO_|^HOSTNAME_MISMATCH$/,
    (message) => `its certificate is not trusted (${message})`,
    "If it is one of your own, name the file of its authority in NODE_EXTRA_CA_CERTS.",
  ],
  [/^HPE_/, () => "what answers there does not speak HTTP", "Correct --url or SPANLOOM_URL."],
  [
    /^(ECONNRESET|EPIPE|ECONNABORTED)$/,
    (message) => `the connection was closed (${message})`,
    "If it serves TLS, write https:// in --url. Look further with: spanloom doctor",
  ],
];

function lateAnswer(url: string): Explanation {
  return {
    ...unavailable(
      `cannot reach the server at ${url}: it has not begun to answer in time`,
      "Try again, give it longer with --request-timeout, or look with: spanloom doctor",
    ),
    reason: "DEADLINE_EXCEEDED",
  };
}

/** Explains an answer that is none of Spanloom's. */
function otherAnswer(status: number, url: string): Explanation {
  if (status >= 502 && status <= 504)
    return unavailable(
      `cannot reach the server at ${url}: a proxy answers in its place, HTTP ${status}`,
      "The server behind it is away: try again in a moment, or ask who runs it.",
    );
  if (status === 401 || status === 403 || status === 407)
    return {
      exitCode: exitCodes.refused,
      reason: status === 403 ? "PERMISSION_DENIED" : "UNAUTHENTICATED",
      message: `cannot use what answers at ${url}: it refuses the call, HTTP ${status}, and is no Spanloom server`,
      hint: "Correct --url or SPANLOOM_URL; if a proxy asks for a token, give it with --token or SPANLOOM_TOKEN.",
    };
  const what = status === 404 || status === 501 ? "does not know this call" : "gives no answer of Spanloom";
  return {
    ...unavailable(
      `cannot use what answers at ${url}: it ${what}, HTTP ${status}`,
      "It is no Spanloom server, or of another version: correct --url or SPANLOOM_URL, or look with: spanloom doctor",
    ),
    reason: "UNIMPLEMENTED",
  };
}

function unavailable(message: string, hint: string): Explanation {
  return { exitCode: exitCodes.unavailable, reason: "STORE_UNAVAILABLE", message, hint };
}

/** The first of the causes of an error that is of a class. */
function causeOf<Kind extends Error>(error: Error, kind: abstract new (...args: never[]) => Kind): Kind | undefined {
  for (let { cause } = error; cause instanceof Error; { cause } = cause) if (cause instanceof kind) return cause;
  return undefined;
}
