import type { Command, Option } from "commander";
import type { CliContext } from "./cli-context.ts";
import { serverOptions } from "./server-options.ts";

/** The flags of a server, as `spanloom-server` takes them; what they may be is told by it alone. */
const flags: readonly (readonly [flag: string, about: string])[] = [
  ["--config <file>", "file that says all this, and how exporters are set up; default SPANLOOM_CONFIG"],
  ["--host <address>", "address to listen on, default SPANLOOM_HOST or 127.0.0.1"],
  ["--port <port>", "port to listen on, 0 takes any; default SPANLOOM_PORT or 7171"],
  ["--listen <address:port>", "both in one"],
  ["--data-dir <dir>", "where jobs and telemetry are kept, default SPANLOOM_DATA_DIR or ./.spanloom"],
  ["--database-url <url>", "PostgreSQL that keeps jobs instead, default SPANLOOM_DATABASE_URL"],
  ["--clickhouse-url <url>", "ClickHouse that keeps spans and logs instead, default SPANLOOM_CLICKHOUSE_URL"],
  ["--clickhouse-cluster <name>", "cluster of it on which tables are made"],
  ["--clickhouse-engine <engine>", "engine of its tables"],
  ["--retention-days <days>", "days that spans and logs are kept, default SPANLOOM_RETENTION_DAYS or 30"],
  ["--event-retention-days <days>", "days that events are kept, default SPANLOOM_EVENT_RETENTION_DAYS or 7"],
  ["--tokens-file <file>", "tokens with scopes, default SPANLOOM_TOKENS_FILE"],
  ["--secret-key <keys>", "keys that secrets of webhooks are stored with, default SPANLOOM_SECRET_KEY"],
  ["--tls-cert <file>", "certificate chain in PEM: serve TLS alone, default SPANLOOM_TLS_CERT"],
  ["--tls-key <file>", "its private key in PEM, default SPANLOOM_TLS_KEY"],
  ["--cors-origins <origins>", "origins whose pages may call, with commas, default SPANLOOM_CORS_ORIGINS"],
  ["--insecure", "allow other machines to call without a token"],
  ["--no-console", "serve no web console, although it is installed"],
  ["--default-lease-ms <ms>", "lease of runners that ask for none"],
  ["--exporter <names>", "exporters that get every span and log, e.g. otlp; with commas, default SPANLOOM_EXPORTERS"],
  ["--exporter-from <when>", "where a new exporter begins: now, beginning, or a time"],
  ["--self-tracing <where>", "trace the server's own work: a collector's URL, env or self"],
  ["--self-tracing-ratio <number>", "part of those traces that is recorded, 0 to 1"],
  ["--spool-max-bytes <bytes>", "most telemetry that waits to be stored; more is dropped and counted"],
  ["--metrics-public", "let everyone read /metrics without a token"],
  ["--metrics-tag <name=value>", "static tag of every metric; with commas"],
];

/** Adds the flags of a server to a command. The token is an option of every command. */
export function addServerFlags(command: Command): Command {
  for (const [flag, about] of flags) command.option(flag, about);
  return command;
}

/** The flags of a server that were given, as arguments of `spanloom-server`. */
export function serverArguments(command: Command, context: CliContext): string[] {
  const { token } = serverOptions(command, context);
  const known = new Set(flags.map(([flag]) => flag.split(" ")[0]));
  const given = command.options.filter((option) => known.has(option.long ?? "") && isGiven(command, option));
  return [
    ...given.map((option) => argument(option, command.getOptionValue(option.attributeName()))),
    ...(token === undefined ? [] : [`--token=${token}`]),
  ];
}

function isGiven(command: Command, option: Option): boolean {
  return command.getOptionValueSource(option.attributeName()) === "cli";
}

function argument({ long, required }: Option, value: unknown): string {
  return required ? `${long}=${value}` : String(long);
}
