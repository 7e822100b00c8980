import { resolve } from "node:path";
import { SpanloomError } from "@spanloom/protocol";
import type { RunningServer } from "@spanloom/server";
import type { Command } from "commander";
import { type CliContext, OperationError } from "./cli-context.ts";
import { addressText, isSpanloomAt } from "./is-spanloom-at.ts";
import { loadOptional } from "./load-optional.ts";
import { logTo } from "./log-to.ts";
import { serverArguments } from "./server-flags.ts";

/** What `server --json` and `dev --json` print once the server listens. */
export interface Listening {
  url: string;
  port: number;
  dataDir: string;
  /** Where the web console is; null when none is served. */
  console: string | null;
}

/** A server that a command started. */
export interface StartedServer {
  server: RunningServer;
  listening: Listening;
}

/**
 * Starts a server by the flags of a command; the caller stops it.
 *
 * Errors: as the server says, and for a taken port who has it.
 */
export async function startServerOf(command: Command, context: CliContext): Promise<StartedServer> {
  const { loadServerOptions, startServer } = await loadOptional("@spanloom/server", () => import("@spanloom/server"));
  const options = await loadServerOptions(serverArguments(command, context), context.env, process.cwd());
  try {
    const server = await startServer({ ...options, log: logTo(context.stderr) });
    const { url, port, hasConsole } = server;
    return { server, listening: { url, port, dataDir: resolve(options.dataDir), console: hasConsole ? url : null } };
  } catch (error) {
    const { host = "127.0.0.1", port = 0 } = options;
    throw isTaken(error) ? await taken(error, { host, port }) : error;
  }
}

const NO_CONSOLE =
  "No web console; get it with: npm install @spanloom/console (in a checkout of Spanloom: npm run build)\n";

/** What a person is told of a server that listens. */
export function listeningText({ url, dataDir, console }: Listening, command: Command): string {
  const hint = command.getOptionValue("console") === false ? "" : NO_CONSOLE;
  return `Server at ${url}, data in ${dataDir}\n${console ? `Console at ${console}\n` : hint}`;
}

function isTaken(error: unknown): error is SpanloomError {
  return error instanceof SpanloomError && (error.cause as NodeJS.ErrnoException | undefined)?.code === "EADDRINUSE";
}

async function taken({ message }: SpanloomError, { host, port }: { host: string; port: number }) {
  const who = (await isSpanloomAt(host, port))
    ? `A Spanloom server answers there: run tasks on it with: spanloom runner tasks.ts --url http://${addressText(host, port)}`
    : `See which it is with: lsof -i :${port}`;
  return new OperationError(`${message}\n${who}`);
}
