import { TaskState } from "@spanloom/protocol";

/** The name of a task's state, and the colour it is drawn in. */
export interface TaskStateText {
  name: string;
  tone: "blocked" | "queued" | "running" | "succeeded" | "failed" | "cancelled";
}

const texts: Readonly<Record<TaskState, TaskStateText>> = {
  [TaskState.UNSPECIFIED]: { name: "unknown", tone: "queued" },
  [TaskState.BLOCKED]: { name: "blocked", tone: "blocked" },
  [TaskState.SCHEDULED]: { name: "scheduled", tone: "queued" },
  [TaskState.QUEUED]: { name: "queued", tone: "queued" },
  [TaskState.RUNNING]: { name: "running", tone: "running" },
  [TaskState.WAITING]: { name: "waiting", tone: "running" },
  [TaskState.SUCCEEDED]: { name: "succeeded", tone: "succeeded" },
  [TaskState.FAILED]: { name: "failed", tone: "failed" },
  [TaskState.CANCELLED]: { name: "cancelled", tone: "cancelled" },
  [TaskState.SKIPPED]: { name: "skipped", tone: "cancelled" },
};

export function taskStateText(state: TaskState): TaskStateText {
  return texts[state] ?? texts[TaskState.UNSPECIFIED];
}
