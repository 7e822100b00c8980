// For users who embed the command line.
export { type CliContext, type CliStream, exitCodes } from "./cli-context.ts";
export type { QueueRow } from "./commands/queue.ts";
export type { RunnerRow } from "./commands/runner-list.ts";
export { runCli } from "./run-cli.ts";
