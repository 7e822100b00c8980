#!/usr/bin/env node
import { SpanloomError } from "@spanloom/protocol";
import { helpText, loadCommand, type ServerConfig } from "../config.ts";
import { serverOptionsOf } from "../load-server-options.ts";
import type { RunningServer } from "../serve.ts";
import { startServer } from "../server.ts";
import { runTokenCommand } from "../token-command.ts";
import { serverVersion } from "../version.ts";

const EXIT_USAGE = 2;
const EXIT_FAILED = 1;
/** How long a crash waits for stores to close; what is acknowledged is durable either way. */
const CRASH_STOP_MS = 3_000;

await main();

async function main(): Promise<void> {
  // Queries, spool and file streams share libuv's threads; with its default of 4, slow queries would delay ingest.
  process.env.UV_THREADPOOL_SIZE ??= "8";
  const command = await readArguments();
  if (command?.kind === "print") {
    process.stdout.write(command.text === "help" ? helpText() : `${serverVersion()}\n`);
  } else if (command) {
    await run(command.config);
  }
}

/** The command line; undefined when it was refused, or done. */
async function readArguments() {
  try {
    const args = process.argv.slice(2);
    if (args[0] !== "token") return await loadCommand(args, process.env, process.cwd());
    process.stdout.write(runTokenCommand(args.slice(1), process.env));
    return undefined;
  } catch (error) {
    fail(error, EXIT_USAGE);
    return undefined;
  }
}

async function run(config: ServerConfig): Promise<void> {
  let server: RunningServer | undefined;
  process.on("uncaughtException", (error) => void crash("uncaught exception", error, server));
  process.on("unhandledRejection", (error) => void crash("unhandled rejection", error, server));
  try {
    server = await startServer(await serverOptionsOf(config, process.env, process.cwd()));
    // Before the line is out: whoever reads it may send a signal at once.
    stopOnSignals(server);
    process.stdout.write(`spanloom-server listening on ${server.url} data ${config.dataDir} pid ${process.pid}\n`);
  } catch (error) {
    fail(error, EXIT_FAILED);
  }
}

/** The first signal stops gracefully, the second leaves at once. */
function stopOnSignals(server: RunningServer): void {
  let stopping = false;
  const onSignal = (signal: NodeJS.Signals): void => {
    // Not `exit`: the engine may be at work in other threads, and tearing it down under them crashes.
    if (stopping) process.kill(process.pid, "SIGKILL");
    stopping = true;
    process.stderr.write(`stopping on ${signal}; once more to leave at once\n`);
    server.stop().then(
      () => process.exit(0),
      (error: unknown) => fail(error, EXIT_FAILED),
    );
  };
  process.on("SIGHUP", () => server.reload());
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
}

/** What the catalogue knows is told in one line; a defect comes with its stack. */
function fail(error: unknown, exitCode: number): void {
  const isKnown = error instanceof SpanloomError && error.reason !== "INTERNAL";
  process.stderr.write(`${isKnown ? error.message : error instanceof Error ? error.stack : error}\n`);
  process.exit(exitCode);
}

async function crash(what: string, error: unknown, server: RunningServer | undefined): Promise<void> {
  process.stderr.write(`${what}: ${error instanceof Error ? error.stack : error}\n`);
  setTimeout(() => process.exit(EXIT_FAILED), CRASH_STOP_MS);
  await server?.stop().catch(() => {
    // It is leaving because of an earlier error; that one was told.
  });
  process.exit(EXIT_FAILED);
}
