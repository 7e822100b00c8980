import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { extname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { TaskResult } from "@spanloom/protocol";
import type { AnyTask } from "@spanloom/sdk";
import { Command } from "commander";
import { type CliContext, exitCodes, interruptedCode, UsageError } from "../cli-context.ts";
import { loadOptional } from "../load-optional.ts";
import type { Exit } from "../program.ts";
import { type RecordedTask, readTask } from "../replay/read-task.ts";
import { replayOutcome } from "../replay/replay-outcome.ts";
import { TaskStage } from "../replay/task-stage.ts";
import { serverOptions, wantsJson, withConnection } from "../server-options.ts";
import { replayText } from "../text/replay-text.ts";
import { untilAborted } from "../until-aborted.ts";

interface ReplayFlags {
  inspect?: boolean | string;
  inspectBrk?: boolean | string;
}

/** `spanloom task replay`: runs the code of one task again in this process; the job is not touched. */
export function taskReplayCommand(context: CliContext, exit: Exit): Command {
  return new Command("replay")
    .description("run one task again, here, with its exact input, without touching the job")
    .argument("<task>", "id of the task")
    .argument("<modules...>", "modules that export its code")
    .option("--inspect [address]", "let a debugger attach, at 127.0.0.1:9229 unless told otherwise")
    .option("--inspect-brk [address]", "as --inspect, and wait for it before the first line")
    .addHelpText("after", examples)
    .action(async (taskId: string, modules: string[], flags: ReplayFlags, command: Command) => {
      const debug = debuggerFlag(flags);
      if (debug !== undefined) return exit(await inOtherProcess([taskId, ...modules], debug, { command, context }));
      const recorded = await withConnection(command, context, (connection) => readTask(connection, taskId));
      const outcome = replayOutcome(recorded, await replay(recorded, modules, context));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(outcome)}\n` : replayText(outcome));
      exit(outcome.outcome === "SUCCESS" ? exitCodes.ok : exitCodes.failed);
    });
}

const examples = `
The code gets the input, the dependencies' outputs and the ids it had. Children that it submits are told of and not
run; its spans and logs go nowhere; its cache is empty and its own. What it does to the world, it does again.

Examples:
  spanloom task replay 0190... tasks.ts
  spanloom task replay 0190... tasks.ts --inspect-brk    # then open chrome://inspect
  spanloom task replay 0190... tasks.ts --json | jq .output
`;

async function replay(recorded: RecordedTask, modules: readonly string[], context: CliContext): Promise<TaskResult> {
  const { Runner, loadTasks } = await loadOptional("@spanloom/runner", () => import("@spanloom/runner"));
  const tasks = await loadTasks(modules, process.cwd());
  checkExported(recorded, tasks);
  const stage = new TaskStage(recorded, context.nowMs);
  const folder = await mkdtemp(join(tmpdir(), "spanloom-replay-"));
  try {
    await using runner = new Runner({
      tasks,
      transport: stage.transport,
      concurrency: 1,
      prefetch: 0,
      graceMs: 0,
      cache: { url: pathToFileURL(folder).href },
      log: (line) => context.stderr.write(`${line}\n`),
    });
    const stop = () => void runner.stop();
    context.signal.addEventListener("abort", stop, { once: true });
    await runner.start();
    const result = await Promise.race([stage.result, untilAborted(context.signal)]);
    context.signal.throwIfAborted();
    return result as TaskResult;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function checkExported({ task: { identifier } }: RecordedTask, tasks: readonly AnyTask[]): void {
  const name = identifier?.name ?? "";
  const version = identifier?.version || "1.0";
  const [major, minor] = version.split(".").map(Number);
  const fits = (offered: AnyTask) => {
    const [offeredMajor, offeredMinor = 0] = offered.version.split(".").map(Number);
    return offered.name === name && offeredMajor === major && offeredMinor >= (minor ?? 0);
  };
  if (tasks.some(fits)) return;
  const offered = tasks.map((task) => `${task.name}@${task.version}`).join(", ");
  throw new UsageError(`cannot replay "${name}@${version}": the modules export ${offered}`);
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
  { command, context }: { command: Command; context: CliContext },
): Promise<number> {
  const bin = fileURLToPath(new URL(`../bin/spanloom${extname(import.meta.filename)}`, import.meta.url));
  const { url, token } = serverOptions(command, context);
  const child = spawn(
    process.execPath,
    [debug, bin, "task", "replay", ...args, ...(wantsJson(command) ? ["--json"] : [])],
    {
      stdio: "inherit",
      // Not as arguments: those of a process can be read by everybody on the machine.
      env: { ...context.env, ...(url && { SPANLOOM_URL: url }), ...(token && { SPANLOOM_TOKEN: token }) },
    },
  );
  context.signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? interruptedCode(context.signal);
}
