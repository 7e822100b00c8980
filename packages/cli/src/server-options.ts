import { QueryClient } from "@spanloom/query";
import { Client, type Connection, connect } from "@spanloom/sdk";
import type { Command } from "commander";
import type { CliContext } from "./cli-context.ts";

/** Options that every command has. */
export interface GlobalOptions {
  url?: string;
  token?: string;
  json?: boolean;
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

// A person waits: two tries tell a server that restarts from one that is not there.
const RETRY = { maxAttempts: 2 };

/** Runs `use` with a client that is closed afterwards. */
export async function withClient<Result>(
  command: Command,
  context: CliContext,
  use: (client: Client) => Promise<Result>,
): Promise<Result> {
  const client = new Client({ ...serverOptions(command, context), retry: RETRY });
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
  const connection = connect(serverOptions(command, context));
  try {
    return await use(connection);
  } finally {
    connection.close();
  }
}

/** A client for spans and logs. */
export function queryClient(command: Command, context: CliContext): QueryClient {
  return new QueryClient(serverOptions(command, context));
}
