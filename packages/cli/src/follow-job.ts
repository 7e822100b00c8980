import { SpanloomError } from "@spanloom/protocol";
import { type Client, hasEnded, type JobSnapshot } from "@spanloom/sdk";
import { type CliContext, exitCodes } from "./cli-context.ts";
import { ProgressLine } from "./progress-line.ts";
import { jobText, progressText } from "./text/job-text.ts";
import { manyLines } from "./text/text-table.ts";

/** How a job is followed. */
export interface FollowJobOptions {
  context: CliContext;
  json: boolean;
  /** Only the end is told, and elsewhere than on a terminal nothing before it. */
  quiet?: boolean;
}

/**
 * Shows a job as it comes along until it has ended, then what became of it.
 *
 * With JSON each state is a line of its own, unless `quiet`; without, progress goes to the standard error. Gives the
 * exit code.
 */
export async function followJob(
  client: Client,
  jobId: string,
  { context, json, quiet = false }: FollowJobOptions,
): Promise<number> {
  const line = new ProgressLine(context, { transient: quiet });
  const show = (job: JobSnapshot) => {
    if (!json) line.show(progressText(job));
    else if (!quiet && !hasEnded(job.state)) context.stdout.write(`${JSON.stringify(job)}\n`);
  };
  try {
    // A stream to a server that does not answer would wait for long, and so would what waits for the end.
    show(await client.jobs.get(jobId));
    await watchToEnd(client, jobId, { context, show });
  } finally {
    line.end();
  }
  return showEnded(await client.jobs.wait(jobId, { signal: context.signal }), context, json);
}

interface Watching {
  context: CliContext;
  show: (job: JobSnapshot) => void;
}

/** Watches until the job has ended, also while the server is away for a time. */
async function watchToEnd(client: Client, jobId: string, { context, show }: Watching): Promise<void> {
  const tell = tellOnce(context);
  for (;;) {
    try {
      for await (const job of client.jobs.watch(jobId, { signal: context.signal })) show(job);
      return;
    } catch (error) {
      context.signal.throwIfAborted();
      if (!(error instanceof SpanloomError && error.retryable)) throw error;
      tell(error);
    }
  }
}

/** Shows a job that has ended. Gives the exit code: failed unless it succeeded. */
export function showEnded(job: JobSnapshot, context: CliContext, json: boolean): number {
  context.stdout.write(json ? `${JSON.stringify(job)}\n` : jobText(job, context.nowMs()));
  return job.state === "SUCCEEDED" ? exitCodes.ok : exitCodes.failed;
}

/** Tells once that a server is away while a command waits. */
export function tellOnce({ stderr }: CliContext): (error: SpanloomError) => void {
  let told = false;
  return ({ message }) => {
    if (!told) stderr.write(`${manyLines(message)}\nTrying again.\n`);
    told = true;
  };
}
