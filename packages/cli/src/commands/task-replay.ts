import { spawn } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { encodePayload } from "@spanloom/sdk";
import { Command } from "commander";
import { type CliContext, exitCodes, interruptedCode } from "../cli-context.ts";
import { wholeNumber } from "../flag-values.ts";
import type { Exit } from "../program.ts";
import { readInput } from "../read-input.ts";
import { type RecordedTask, readTask } from "../replay/read-task.ts";
import { replayOutcome } from "../replay/replay-outcome.ts";
import { runRecorded } from "../replay/run-recorded.ts";
import { serverOptions, wantsJson, withConnection } from "../server-options.ts";
import { replayText } from "../text/replay-text.ts";

interface ReplayFlags {
  input?: string;
  attempt?: number;
  inspect?: boolean | string;
  inspectBrk?: boolean | string;
}

/** `spanloom task replay`: runs the code of one task again in this process; the job is not touched. */
export function taskReplayCommand(context: CliContext, exit: Exit): Command {
  return new Command("replay")
    .description("run one task again, here, with its exact input, without touching the job")
    .argument("<task>", "id of the task")
    .argument("<modules...>", "modules that export its code")
    .option("-i, --input <json>", "try another input: JSON, @file, or - for the standard input")
    .option(
      "--attempt <n>",
      "number of the attempt that its code is told (default: the last)",
      wholeNumber("--attempt", 1, 10_000),
    )
    .option("--inspect [address]", "let a debugger attach, at 127.0.0.1:9229 unless told otherwise")
    .option("--inspect-brk [address]", "as --inspect, and wait for it before the first line")
    .addHelpText("after", examples)
    .action(async (taskId: string, modules: string[], flags: ReplayFlags, command: Command) => {
      const debug = debuggerFlag(flags);
      if (debug !== undefined)
        return exit(await inOtherProcess([taskId, ...modules], debug, { flags, command, context }));
      const input = await readInput(flags.input, context);
      const recorded = await withConnection(command, context, (connection) => readTask(connection, taskId));
      const attempt = flags.attempt ?? Math.max(recorded.task.attempts.length, 1);
      const tried = withInput(recorded, input);
      const outcome = replayOutcome(tried, await runRecorded(tried, { modules, attempt, context }));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(outcome)}\n` : replayText(outcome));
      exit(outcome.outcome === "SUCCESS" ? exitCodes.ok : exitCodes.failed);
    });
}

const examples = `
The code gets the input, the dependencies' outputs and the ids it had. Children that it submits are told of and not
run; its spans and log records are shown and not stored; its cache is empty and its own; what it prints goes to the
standard error. What it does to the world, it does again.

Examples:
  spanloom task replay 0190... tasks.ts
  spanloom task replay 0190... tasks.ts --input @smaller.json --attempt 1
  spanloom task replay 0190... tasks.ts --inspect-brk    # then open chrome://inspect
  spanloom task replay 0190... tasks.ts --json | jq .output
`;

/** The same task with an input to try; with none given, as it is. */
function withInput(recorded: RecordedTask, input: unknown): RecordedTask {
  if (input === undefined) return recorded;
  const bytes = encodePayload(input, `cannot use --input for task "${recorded.task.id}"`);
  return { ...recorded, hasOwnInput: false, task: { ...recorded.task, input: bytes } };
}

/** The flag for Node.js; undefined when no debugger is asked for. */
function debuggerFlag({ inspect, inspectBrk }: ReplayFlags): string | undefined {
  const [name, address] = inspectBrk ? ["--inspect-brk", inspectBrk] : ["--inspect", inspect];
  if (!address) return undefined;
  return address === true ? name : `${name}=${address}`;
}

/** A process of its own: one that runs already cannot be stopped before its first line. */
async function inOtherProcess(
  args: readonly string[],
  debug: string,
  { flags, command, context }: { flags: ReplayFlags; command: Command; context: CliContext },
): Promise<number> {
  const own = [
    ...(flags.input === undefined ? [] : [`--input=${flags.input}`]),
    ...(flags.attempt === undefined ? [] : [`--attempt=${flags.attempt}`]),
    ...(wantsJson(command) ? ["--json"] : []),
  ];
  const bin = fileURLToPath(new URL(`../bin/spanloom${extname(import.meta.filename)}`, import.meta.url));
  const { url, token } = serverOptions(command, context);
  const child = spawn(process.execPath, [debug, bin, "task", "replay", ...args, ...own], {
    stdio: "inherit",
    // Not as arguments: those of a process can be read by everybody on the machine.
    env: { ...context.env, ...(url && { SPANLOOM_URL: url }), ...(token && { SPANLOOM_TOKEN: token }) },
  });
  context.signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? interruptedCode(context.signal);
}
