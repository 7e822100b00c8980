import { type Task, TaskState } from "@spanloom/protocol";
import { useState } from "react";
import { retryJob } from "./retry-job.ts";

const retriable: ReadonlySet<TaskState> = new Set([TaskState.FAILED, TaskState.CANCELLED]);

/** Whether a task of an ended job may be run again alone. */
export function isRetriable({ state }: Task): boolean {
  return retriable.has(state);
}

/** Runs one task again, with what was skipped for it. */
export function RetryTask({ task, onRetried }: { task: Task; onRetried: () => void }) {
  const [busy, setBusy] = useState(false);
  const retry = async () => {
    setBusy(true);
    await retryJob(task.jobId, [task.id]);
    setBusy(false);
    onRetried();
  };
  const name = task.display || task.identifier?.name;
  return (
    <button
      type="button"
      className="button button-small"
      aria-label={`Retry ${name} alone`}
      title="Run this task again, with what was skipped for it"
      disabled={busy}
      onClick={() => void retry()}
    >
      Retry
    </button>
  );
}
