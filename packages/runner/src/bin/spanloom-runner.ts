#!/usr/bin/env node
import { SpanloomError } from "@spanloom/protocol";
import { cacheFromEnvironment } from "../cache/cache-options.ts";
import { loadTasks } from "../load-tasks.ts";
import { Runner } from "../runner.ts";
import { catchStrayErrors } from "../stray-errors.ts";
import { parseArguments, type RunnerArguments, usage } from "./parse-arguments.ts";
import { type MetricsServer, serveMetrics } from "./serve-metrics.ts";
import { UsageError } from "./usage-error.ts";

const log = (line: string): void => console.error(line);

try {
  const args = parseArguments(process.argv.slice(2), process.env);
  if (args.help) process.stdout.write(usage);
  else await main(args);
} catch (error) {
  const usageFault = error instanceof UsageError;
  if (usageFault || error instanceof SpanloomError) log(`spanloom-runner: ${error.message}`);
  else log(`spanloom-runner: ${describe(error)}`);
  if (usageFault) log("Try --help.");
  process.exit(usageFault ? 2 : 1);
}

async function main(args: RunnerArguments): Promise<void> {
  const tasks = await loadTasks(args.modules, process.cwd()).catch(toUsageError);
  const server = args.url === undefined ? await startEmbeddedServer(args) : undefined;
  const { token, queues, concurrency, serviceName, graceMs, captureConsole, metrics } = args;
  const url = server?.url ?? args.url;
  const cache = cacheFromEnvironment(process.env, args.dataDir);
  const options = { url, token, queues, concurrency, serviceName, graceMs, captureConsole, metrics, cache, log };
  const runner = new Runner({ tasks, ...options });
  stopOnSignals(runner, server);
  catchStrayErrors({
    runner,
    fatal: (error) => {
      log(`spanloom-runner: an error nobody caught, of no task; stopping: ${describe(error)}`);
      void shutDown(runner, server, 1);
    },
  });
  try {
    const served = await startMetrics(args, runner);
    if (served) log(`metrics at ${served.url}`);
    await runner.start();
  } catch (error) {
    await server?.stop();
    throw error;
  }
  void runner.drained.then(() => shutDown(runner, server));
}

/** What is wrong with the modules is wrong with the command line. */
function toUsageError(cause: Error): never {
  throw new UsageError(cause.message, { cause });
}

async function startMetrics({ metricsListen }: RunnerArguments, runner: Runner): Promise<MetricsServer | undefined> {
  if (!metricsListen) return undefined;
  try {
    return await serveMetrics(metricsListen, () => runner.writeMetrics(), log);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new UsageError(`cannot serve metrics: ${why}`, { cause: error });
  }
}

interface EmbeddedServer {
  readonly url: string;
  stop(): Promise<void>;
}

async function startEmbeddedServer(options: RunnerArguments): Promise<EmbeddedServer> {
  const { dataDir, databaseUrl, clickhouseUrl, clickhouseCluster, clickhouseEngine, retentionDays, port } = options;
  const { secretKey } = options;
  const { startServer } = await importServer();
  const server = await startServer({
    dataDir,
    port,
    log,
    environment: (name) => process.env[name],
    ...(secretKey && { secretKey }),
    ...(databaseUrl && { databaseUrl }),
    ...(clickhouseUrl && { clickhouseUrl }),
    ...(clickhouseCluster && { clickhouseCluster }),
    ...(clickhouseEngine && { clickhouseEngine }),
    ...(retentionDays !== undefined && { retentionDays }),
  });
  console.log(`embedded server at ${server.url}, data in ${dataDir}`);
  return server;
}

async function importServer() {
  try {
    return await import("@spanloom/server");
  } catch (error) {
    const hint = "give --url, or install @spanloom/server to run an embedded one";
    throw new UsageError(`no server: ${hint}`, { cause: error });
  }
}

function stopOnSignals(runner: Runner, server: EmbeddedServer | undefined): void {
  let signalled = false;
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    process.on(signal, () => {
      if (signalled) process.exit(1);
      signalled = true;
      log(`${signal}: stopping; a second signal leaves at once`);
      void shutDown(runner, server);
    });
  }
}

/** Exits at last, as tasks that were given up may still hold timers and sockets. */
async function shutDown(runner: Runner, server: EmbeddedServer | undefined, exitCode = 0): Promise<void> {
  await runner.stop();
  await server?.stop();
  process.exit(exitCode);
}

function describe(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
