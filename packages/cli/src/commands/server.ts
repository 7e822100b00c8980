import { resolve } from "node:path";
import { Command, InvalidArgumentError } from "commander";
import type { CliContext } from "../cli-context.ts";
import { wholeNumber } from "../flag-values.ts";
import { loadOptional } from "../load-optional.ts";
import { serverOptions, wantsJson } from "../server-options.ts";
import { untilAborted } from "../until-aborted.ts";

interface ServerFlags {
  host: string;
  port: number;
  dataDir?: string;
  databaseUrl?: string;
  clickhouseUrl?: string;
  retentionDays?: number;
  insecure?: boolean;
  tokensFile?: string;
  tlsCert?: string;
  tlsKey?: string;
}

/** `spanloom server`: runs a server until it is told to stop. */
export function serverCommand(context: CliContext): Command {
  return new Command("server")
    .description("run a server until Ctrl-C")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option("--port <port>", "port to listen on; 0 takes any", wholeNumber("--port", 0, 65_535), 7171)
    .option("--data-dir <dir>", "where jobs and telemetry are kept, default SPANLOOM_DATA_DIR or ./.spanloom")
    .option("--database-url <url>", "PostgreSQL that keeps jobs instead, default SPANLOOM_DATABASE_URL if set")
    .option("--clickhouse-url <url>", "ClickHouse that keeps spans and logs, default SPANLOOM_CLICKHOUSE_URL if set")
    .option(
      "--retention-days <days>",
      "days that spans and logs are kept, default SPANLOOM_RETENTION_DAYS or 30",
      wholeNumber("--retention-days", 1, 10_000),
    )
    .option("--tokens-file <file>", "tokens with scopes, default SPANLOOM_TOKENS_FILE if set")
    .option("--tls-cert <file>", "certificate chain in PEM: serve TLS alone, default SPANLOOM_TLS_CERT if set")
    .option("--tls-key <file>", "its private key in PEM, default SPANLOOM_TLS_KEY if set")
    .option("--insecure", "allow other machines to call without a token")
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom server\n  spanloom server --port 0 --data-dir /var/lib/spanloom --json\n",
    )
    .action(async (flags: ServerFlags, command: Command) => {
      const { startServer } = await loadOptional("@spanloom/server", () => import("@spanloom/server"));
      const dataDir = resolve(flags.dataDir ?? context.env.SPANLOOM_DATA_DIR ?? ".spanloom");
      const databaseUrl = flags.databaseUrl || context.env.SPANLOOM_DATABASE_URL;
      const clickhouseUrl = flags.clickhouseUrl || context.env.SPANLOOM_CLICKHOUSE_URL;
      const { token } = serverOptions(command, context);
      const tokensFile = flags.tokensFile || context.env.SPANLOOM_TOKENS_FILE;
      const tls = tlsFiles(flags, context);
      const secretKey = context.env.SPANLOOM_SECRET_KEY;
      await using server = await startServer({
        dataDir,
        host: flags.host,
        port: flags.port,
        insecure: flags.insecure ?? false,
        ...(token && { token }),
        ...(tokensFile && { tokensFile }),
        ...(tls && { tls }),
        ...(secretKey && { secretKey }),
        environment: (name) => context.env[name],
        ...(databaseUrl && { databaseUrl }),
        ...(clickhouseUrl && { clickhouseUrl }),
        ...telemetryOptions(flags, context),
        log: (line) => context.stderr.write(`${line}\n`),
      });
      const { url, port } = server;
      const ready = wantsJson(command)
        ? JSON.stringify({ url, port, dataDir })
        : `Server at ${url}, data in ${dataDir}`;
      context.stdout.write(`${ready}\n`);
      await untilAborted(context.signal);
    });
}

/** What the environment says of tables that ClickHouse keeps, and how long rows are kept wherever they are. */
function telemetryOptions({ retentionDays: given }: ServerFlags, { env }: CliContext) {
  const { SPANLOOM_CLICKHOUSE_CLUSTER: clickhouseCluster, SPANLOOM_CLICKHOUSE_ENGINE: clickhouseEngine } = env;
  const text = env.SPANLOOM_RETENTION_DAYS;
  const retentionDays = given ?? (text ? wholeNumber("SPANLOOM_RETENTION_DAYS", 1, 10_000)(text) : undefined);
  return {
    ...(clickhouseCluster && { clickhouseCluster }),
    ...(clickhouseEngine && { clickhouseEngine }),
    ...(retentionDays !== undefined && { retentionDays }),
  };
}

/** Both files or none: a server told of one alone must not serve without TLS. */
function tlsFiles({ tlsCert, tlsKey }: ServerFlags, { env }: CliContext) {
  const certFile = tlsCert || env.SPANLOOM_TLS_CERT;
  const keyFile = tlsKey || env.SPANLOOM_TLS_KEY;
  if (certFile && keyFile) return { certFile, keyFile };
  if (!certFile && !keyFile) return undefined;
  throw new InvalidArgumentError("--tls-cert and --tls-key are needed together");
}
