import { Command } from "commander";
import type { CliContext } from "../cli-context.ts";
import { queryClient, wantsJson } from "../server-options.ts";
import { comparisonText } from "../text/comparison-text.ts";
import { tableWidth } from "../text/text-table.ts";
import { writeRows } from "../write-rows.ts";

/** `spanloom compare`: what got slower and faster between two jobs. */
export function compareCommand(context: CliContext): Command {
  return new Command("compare")
    .description("compare two jobs by span name, what changed most first")
    .argument("<base>", "id of the job to compare with")
    .argument("<other>", "id of the job that may be slower or faster")
    .addHelpText(
      "after",
      "\nExamples:\n  spanloom compare 0190... 0191...\n  spanloom compare 0190... 0191... --json | jq .name\n",
    )
    .action(async (base: string, other: string, _flags: object, command: Command) => {
      const query = queryClient(command, context).compare({ base, other });
      if (wantsJson(command)) return writeRows(query, { format: "jsonl", context });
      context.stdout.write(comparisonText(await query.toArrow({ signal: context.signal }), tableWidth(context.stdout)));
    });
}
