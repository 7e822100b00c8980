// The server as a library: what the runner's and the CLI's embedded modes, tests and benchmarks use.

export { type Clock, systemClock } from "./clock.ts";
export { loadServerOptions } from "./load-server-options.ts";
export type { RunningServer } from "./serve.ts";
export { type ServerOptions, startServer } from "./server.ts";
