import type { ConformanceContext } from "./command.ts";
import { runCommand } from "./run-command.ts";
import { runnerCommand } from "./runner-command.ts";
import { serverCommand } from "./server-command.ts";

const usage = `Usage: spanloom-conformance server --url <url> [options]
       spanloom-conformance runner [options] -- <command> [argument...]

Tests a server, or a runner, of the Spanloom protocol from outside. Each case names the section of docs/protocol.md that it
proves. \`server --help\` and \`runner --help\` list the options.

Exit codes: 0 every case passed, or failed as listed; 1 not; 2 nothing could be run.
`;

/** Runs the program with its arguments; returns its exit code. */
export async function runConformance(args: readonly string[], context: ConformanceContext): Promise<number> {
  const [name, ...rest] = args;
  switch (name) {
    case "server":
      return runCommand(serverCommand, rest, context);
    case "runner":
      return runCommand(runnerCommand, rest, context);
    case "--help":
    case "-h":
      context.stdout.write(usage);
      return 0;
    default:
      context.stderr.write(
        `cannot run ${name === undefined ? "nothing" : `"${name}"`}: server or runner must be named\n\n${usage}`,
      );
      return 2;
  }
}
