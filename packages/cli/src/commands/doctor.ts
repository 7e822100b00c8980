import { Command } from "commander";
import { type CliContext, exitCodes } from "../cli-context.ts";
import { checkHealth } from "../doctor/check-health.ts";
import type { Exit } from "../program.ts";
import { serverOptions, wantsJson } from "../server-options.ts";
import { doctorText } from "../text/doctor-text.ts";

/** `spanloom doctor`: checks everything that a command needs, and says what to do about what is amiss. */
export function doctorCommand(context: CliContext, exit: Exit): Command {
  return new Command("doctor")
    .description("check configuration, server, stores, token, versions and clock")
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom doctor\n  spanloom doctor --url https://spanloom.example --json\n\nExit code: 1 when a check failed; a warning is no failure.\n",
    )
    .action(async (_flags: object, command: Command) => {
      const report = await checkHealth(serverOptions(command, context), context);
      const { stdout } = context;
      stdout.write(wantsJson(command) ? `${JSON.stringify(report)}\n` : doctorText(report, context));
      if (!report.ok) exit(exitCodes.failed);
    });
}
