import { jobs } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { showToast } from "../../state/toasts.ts";
import { randomKey } from "../../text/random-key.ts";

/** Runs what failed of a job again, or only some of its tasks, and says how it went. Never rejects. */
export async function retryJob(jobId: string, taskIds: readonly string[] = []): Promise<void> {
  try {
    const { retried } = await jobs.retryJob({ jobId, taskIds: [...taskIds], idempotencyKey: randomKey() });
    showToast("good", `${retried.toLocaleString()} ${retried === 1n ? "task runs" : "tasks run"} again`);
  } catch (error) {
    showToast("bad", errorText(error).message);
  }
}
