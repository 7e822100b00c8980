import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { addServerFlags } from "../server-flags.ts";
import { wantsJson } from "../server-options.ts";
import { listeningText, startServerOf } from "../start-server.ts";
import { untilAborted } from "../until-aborted.ts";

/** `spanloom server`: runs a server until it is told to stop. */
export function serverCommand(context: CliContext): Command {
  return addServerFlags(new Command("server").description("run a server, with the web console, until Ctrl-C"))
    .addHelpText("after", examples)
    .action(async (_flags: object, command: Command) => {
      const { server, listening } = await startServerOf(command, context);
      await using _stopped = server;
      const reload = () => server.reload();
      process.on("SIGHUP", reload);
      try {
        context.stdout.write(wantsJson(command) ? `${JSON.stringify(listening)}\n` : listeningText(listening, command));
        await untilAborted(context.signal);
      } finally {
        process.off("SIGHUP", reload);
      }
    });
}

const examples = `
It takes the flags, variables and configuration file of spanloom-server: docs/configuration.md. SIGHUP makes it read
tokens and certificate again.

Examples:
  spanloom server
  spanloom server --port 0 --data-dir /var/lib/spanloom --json
  spanloom server --host 0.0.0.0 --tokens-file tokens.json --exporter otlp
`;
