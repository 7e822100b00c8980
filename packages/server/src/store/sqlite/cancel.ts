import { SpanloomError } from "@spanloom/protocol";
import { isJobEnded } from "../../engine/states.ts";
import { cancelledBecause } from "../job-doom.ts";
import { openTasks } from "../job-work.ts";
import { runClosings } from "./cascade.ts";
import type { Control } from "./control.ts";
import { doomJob } from "./doom.ts";

/** Cancels a job, unless it has ended or failed already. Errors: JOB_NOT_FOUND. */
export function cancelJob(control: Control, jobId: string, reason: string): void {
  const job = control.jobs.find(jobId);
  if (job === undefined) throw new SpanloomError("JOB_NOT_FOUND", `cannot cancel job: no job has the id "${jobId}"`);
  if (isJobEnded(job.state) || openTasks(job) === 0 || job.doom !== "none") return;
  doomJob(control, job, cancelledBecause(reason));
  runClosings(control);
}
