import { type Client, hasEnded, type JobSnapshot } from "@spanloom/sdk";
import type { CliContext } from "./cli-context.ts";
import { exitCodes } from "./cli-context.ts";
import { ProgressLine } from "./progress-line.ts";
import { jobText, progressText } from "./text/job-text.ts";

/**
 * Shows a job as it comes along until it has ended, then what became of it.
 *
 * With JSON each state is a line of its own; without, progress goes to the standard error. Gives the exit code.
 */
export async function followJob(client: Client, jobId: string, context: CliContext, json: boolean): Promise<number> {
  const line = new ProgressLine(context);
  let last: JobSnapshot | undefined;
  try {
    for await (const job of client.jobs.watch(jobId, { signal: context.signal })) {
      last = job;
      if (json && !hasEnded(job.state)) context.stdout.write(`${JSON.stringify(job)}\n`);
      else if (!json) line.show(progressText(job));
    }
  } finally {
    line.end();
  }
  return last ? showEnded(await client.jobs.get(last.id), context, json) : exitCodes.failed;
}

/** Shows a job that has ended. Gives the exit code: failed unless it succeeded. */
export function showEnded(job: JobSnapshot, context: CliContext, json: boolean): number {
  context.stdout.write(json ? `${JSON.stringify(job)}\n` : jobText(job, context.nowMs()));
  return job.state === "SUCCEEDED" ? exitCodes.ok : exitCodes.failed;
}
