import type { Transport } from "@connectrpc/connect";
import { SpanloomError } from "@spanloom/protocol";
import { QueryClient } from "@spanloom/query";
import { Client, type Connection, connect } from "@spanloom/sdk";
import type { Command } from "commander";
import type { CliContext } from "./cli-context.ts";
import { parseDuration } from "./text/duration-text.ts";

/** Options that every command has. */
export interface GlobalOptions {
  url?: string;
  token?: string;
  json?: boolean;
  requestTimeout?: string;
}

/** How to reach the server: flags beat the environment, which beats the default. */
export function serverOptions(command: Command, { env }: CliContext): { url?: string; token?: string } {
  const { url = env.SPANLOOM_URL, token = env.SPANLOOM_TOKEN } = command.optsWithGlobals<GlobalOptions>();
  return { ...(url && { url }), ...(token && { token }) };
}

/** Whether JSON is asked for. */
export function wantsJson(command: Command): boolean {
  return command.optsWithGlobals<GlobalOptions>().json ?? false;
}

/** Longest wait for an answer to begin. */
function requestTimeoutMs(command: Command): number {
  const { requestTimeout = "30s" } = command.optsWithGlobals<GlobalOptions>();
  return parseDuration(requestTimeout, "--request-timeout");
}

// A person waits: two tries tell a server that restarts from one that is not there.
const MAX_ATTEMPTS = 2;

/**
 * Runs `use` with a client that is closed afterwards; Ctrl-C ends its calls.
 *
 * `onRetry` is told of each failure of a call that is then made again.
 */
export async function withClient<Result>(
  command: Command,
  context: CliContext,
  use: (client: Client) => Promise<Result>,
  onRetry: (error: SpanloomError) => void = () => undefined,
): Promise<Result> {
  const client = new Client({
    ...serverOptions(command, context),
    timeoutMs: requestTimeoutMs(command),
    retry: { maxAttempts: MAX_ATTEMPTS, signal: context.signal, onRetry },
  });
  try {
    return await use(client);
  } finally {
    client.close();
  }
}

/** Runs `use` with a connection for calls the SDK has no method for; it is closed afterwards. */
export async function withConnection<Result>(
  command: Command,
  context: CliContext,
  use: (connection: Connection) => Promise<Result>,
): Promise<Result> {
  const connection = connect({ ...serverOptions(command, context), timeoutMs: requestTimeoutMs(command) });
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}

/** A client for spans and logs. */
export function queryClient(command: Command, context: CliContext): QueryClient {
  const { url, token } = serverOptions(command, context);
  const { transport, url: known } = connect({ url });
  const patience = requestTimeoutMs(command);
  return new QueryClient({ url: known, ...(token && { token }), transport: patient(transport, known, patience) });
}

/** A transport whose streams must begin in time; how long they go on is theirs. */
function patient({ unary, stream }: Transport, url: string, timeoutMs: number): Transport {
  return {
    unary,
    async stream(method, signal, callTimeoutMs, ...rest) {
      const late = new AbortController();
      const timer = setTimeout(() => late.abort(), timeoutMs);
      const both = signal ? AbortSignal.any([signal, late.signal]) : late.signal;
      try {
        // Without a deadline of its own a stream would have the transport's.
        return await stream(method, both, callTimeoutMs ?? 0, ...rest);
      } catch (error) {
        if (!late.signal.aborted || signal?.aborted) throw error;
        const message = `cannot query ${url}: no answer within ${timeoutMs} ms`;
        throw new SpanloomError("DEADLINE_EXCEEDED", message, {}, { cause: error });
      } finally {
        clearTimeout(timer);
      }
    },
  };
}
