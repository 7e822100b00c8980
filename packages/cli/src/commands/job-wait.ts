import { Command } from "commander";
import { type CliContext, exitCodes, OperationError } from "../cli-context.ts";
import type { Exit } from "../program.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { parseDuration } from "../text/duration-text.ts";
import { jobDuration } from "../text/job-text.ts";
import { textTable } from "../text/text-table.ts";

/** `spanloom job wait`: waits until jobs have ended. */
export function jobWaitCommand(context: CliContext, exit: Exit): Command {
  return new Command("wait")
    .description("wait until jobs have ended; exit code 1 unless all succeed")
    .argument("<jobs...>", "ids of the jobs")
    .option("--timeout <duration>", "give up after, e.g. 5m; the jobs go on")
    .addHelpText("after", "\nExamples:\n  spanloom job wait 0190... 0191... --timeout 10m\n")
    .action(async (jobIds: string[], flags: { timeout?: string }, command: Command) => {
      const timeoutMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout, "--timeout");
      await withClient(command, context, async (client) => {
        const signal = timeoutMs ? AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]) : context.signal;
        const jobs = await client.jobs.wait(jobIds, { signal }).catch((error: unknown) => {
          if (!signal.aborted || context.signal.aborted) throw error;
          throw new OperationError(`cannot wait longer: not all jobs ended within ${flags.timeout}`);
        });
        const json = wantsJson(command);
        context.stdout.write(json ? `${JSON.stringify(jobs)}\n` : waitText(jobs, context.nowMs()));
        exit(jobs.every(({ state }) => state === "SUCCEEDED") ? exitCodes.ok : exitCodes.failed);
      });
    });
}

function waitText(jobs: Parameters<typeof jobDuration>[0][], nowMs: number): string {
  return textTable(jobs, [
    { title: "JOB", value: ({ id }) => id },
    { title: "NAME", value: ({ name }) => name },
    { title: "STATE", value: ({ state }) => state },
    { title: "TOOK", value: (job) => jobDuration(job, nowMs), right: true },
    { title: "FAILURE", value: ({ failure }) => (failure ? `${failure.type}: ${failure.message}` : "") },
  ]);
}
