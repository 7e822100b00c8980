import { type Environment, loadCommand, type ServerConfig } from "./config.ts";
import { loadExporters } from "./forward/load-exporters.ts";
import type { ServerOptions } from "./server.ts";

/**
 * How to run a server as flags, environment and the configuration file they name say, with the exporters they name: for
 * programs that take the flags of `spanloom-server`.
 *
 * Errors: INVALID_FIELD naming the flag, the variable or the place in the file that is unknown or malformed.
 */
export async function loadServerOptions(
  args: readonly string[],
  env: Environment,
  folder: string,
): Promise<ServerOptions> {
  const command = await loadCommand(args, env, folder);
  // Whoever asks for these has a help and a version of its own.
  if (command.kind === "print") throw new RangeError(`cannot load options: --${command.text} is none`);
  return serverOptionsOf(command.config, env, folder);
}

/** A configuration as options, its exporters loaded. Errors: INVALID_FIELD for an exporter that cannot be used. */
export async function serverOptionsOf(
  { defaultLeaseMs, exporters, ...config }: ServerConfig,
  env: Environment,
  folder: string,
): Promise<ServerOptions> {
  const given = Object.entries(config).filter(([, value]) => value !== undefined);
  return {
    ...(Object.fromEntries(given) as Given<typeof config>),
    environment: (name) => env[name],
    exporters: await loadExporters(exporters, { env, folder }),
    ...(defaultLeaseMs !== undefined && { limits: leaseLimits(defaultLeaseMs) }),
  };
}

/** What is undefined left out. */
type Given<Config> = {
  [Name in keyof Config as undefined extends Config[Name] ? never : Name]: Config[Name];
} & {
  [Name in keyof Config as undefined extends Config[Name] ? Name : never]?: Exclude<Config[Name], undefined>;
};

/** A default shorter than the usual minimum lowers the minimum too. */
function leaseLimits(defaultLeaseMs: number) {
  return { defaultLeaseMs, ...(defaultLeaseMs < 5_000 && { minLeaseMs: defaultLeaseMs }) };
}
