import type { Client, JobSnapshot } from "@spanloom/sdk";
import { Command } from "commander";
import { type CliContext, exitCodes, OperationError } from "../cli-context.ts";
import { tellOnce } from "../follow-job.ts";
import type { Exit } from "../program.ts";
import { ProgressLine } from "../progress-line.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { parseDuration } from "../text/duration-text.ts";
import { jobDuration } from "../text/job-text.ts";
import { type TextColumn, tableStyle, textTable } from "../text/text-table.ts";

/** `spanloom job wait`: waits until jobs have ended. */
export function jobWaitCommand(context: CliContext, exit: Exit): Command {
  return new Command("wait")
    .description("wait until jobs have ended; exit code 1 unless all succeed")
    .argument("<jobs...>", "ids of the jobs")
    .option("--timeout <duration>", "give up after, e.g. 5m; the jobs go on")
    .addHelpText("after", "\nExamples:\n  spanloom job wait 0190... 0191... --timeout 10m\n")
    .action(async (jobIds: string[], flags: { timeout?: string }, command: Command) => {
      const timeoutMs = flags.timeout === undefined ? undefined : parseDuration(flags.timeout, "--timeout");
      // Waiting outlives a server that is away for a while; one that is away at first is an error.
      let isReached = false;
      const wait = async (client: Client) => {
        await client.jobs.get(jobIds[0]!);
        isReached = true;
        const signal = timeoutMs ? AbortSignal.any([context.signal, AbortSignal.timeout(timeoutMs)]) : context.signal;
        const jobs = await waitForAll(client, jobIds, { signal, context }).catch((error: unknown) => {
          if (!signal.aborted || context.signal.aborted) throw error;
          const message = `cannot wait longer: not all jobs ended within ${flags.timeout}`;
          throw new OperationError(message, exitCodes.timedOut);
        });
        const text = wantsJson(command) ? `${JSON.stringify(jobs)}\n` : waitText(jobs, context);
        context.stdout.write(text);
        exit(jobs.every(({ state }) => state === "SUCCEEDED") ? exitCodes.ok : exitCodes.failed);
      };
      const tell = tellOnce(context);
      await withClient(command, context, wait, (error) => {
        if (isReached) tell(error);
      });
    });
}

interface Waiting {
  signal: AbortSignal;
  context: CliContext;
}

/** Waits for the end of all; on a terminal the standard error tells how many have ended. */
async function waitForAll(client: Client, jobIds: readonly string[], { signal, context }: Waiting) {
  const line = new ProgressLine(context, { transient: true });
  let ended = 0;
  try {
    return await Promise.all(
      jobIds.map(async (jobId) => {
        line.show(`${ended}/${jobIds.length} jobs ended`);
        const job = await client.jobs.wait(jobId, { signal });
        line.show(`${++ended}/${jobIds.length} jobs ended`);
        return job;
      }),
    );
  } finally {
    line.end();
  }
}

function waitText(jobs: readonly JobSnapshot[], context: CliContext): string {
  const columns: TextColumn<JobSnapshot>[] = [
    { title: "JOB", value: ({ id }) => id },
    { title: "NAME", value: ({ name }) => name, shrink: true },
    { title: "STATE", value: ({ state }) => state, state: true },
    { title: "TOOK", value: (job) => jobDuration(job, context.nowMs()), right: true },
    { title: "FAILURE", value: ({ failure }) => (failure ? `${failure.type}: ${failure.message}` : ""), shrink: true },
  ];
  return textTable(jobs, columns, tableStyle(context));
}
