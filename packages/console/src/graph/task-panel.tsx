import { type Attempt, AttemptOutcome, type Job, type Task, type TaskState } from "@spanloom/protocol";
import { Link } from "wouter";
import { isRetriable, RetryTask } from "../pages/job/retry-task.tsx";
import { jobs } from "../rpc/clients.ts";
import { usePoll } from "../rpc/use-poll.ts";
import { isEnded } from "../text/job-states.ts";
import { shortId } from "../text/short-id.ts";
import { spanPath } from "../text/span-path.ts";
import { taskStateText } from "../text/task-states.ts";
import { replayText } from "../waterfall/copy-text.ts";
import { CopyButton } from "../widgets/copy-button.tsx";
import { Fact } from "../widgets/fact.tsx";
import { Failure } from "../widgets/failure.tsx";
import { ErrorState, LoadingRows } from "../widgets/notice.tsx";
import { ProgressBar } from "../widgets/progress-bar.tsx";
import { Duration, RelativeTime } from "../widgets/time.tsx";

interface TaskPanelProps {
  job: Job;
  taskId: string;
  state: TaskState;
  /** Goes back to the group that it was chosen from. */
  onBack: (() => void) | undefined;
  /** Puts the tasks of its name together again, where that is possible. */
  onTogether: (() => void) | undefined;
  onClose: () => void;
}

const EVERY_MS = 3_000;

/** What is known of one task, with the ways to its spans and its log. */
export function TaskPanel({ job, taskId, state, onBack, onTogether, onClose }: TaskPanelProps) {
  const {
    data: task,
    error,
    refresh,
  } = usePoll(`task ${taskId} ${state}`, EVERY_MS, async (signal) => {
    const answer = await jobs.getTask({ taskId }, { signal });
    return answer.task;
  });
  return (
    <aside className="span-panel" aria-label="Selected task">
      <header>
        <h2>{task ? task.display || task.identifier?.name : <span className="quiet">…</span>}</h2>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close the task">
          ×
        </button>
      </header>
      {task && <TaskFacts job={job} task={task} />}
      {!task && (error === undefined ? <LoadingRows rows={3} /> : <ErrorState error={error} onRetry={refresh} />)}
      <p className="panel-links">
        {task && isEnded(job.state) && isRetriable(task) && <RetryTask task={task} onRetried={refresh} />}
        {onBack && (
          <button type="button" className="button" onClick={onBack}>
            ← Back to the group
          </button>
        )}
        {onTogether && (
          <button type="button" className="button" onClick={onTogether}>
            Put tasks of this name together
          </button>
        )}
      </p>
    </aside>
  );
}

function TaskFacts({ job, task }: { job: Job; task: Task }) {
  const { name, tone } = taskStateText(task.state);
  const { identifier, display, failure, span, attempts, progress } = task;
  return (
    <>
      <p>
        <span className={`badge state-${tone}`}>{name}</span>{" "}
        {display !== "" && <span className="quiet">{identifier?.name}</span>}
      </p>
      <p className="panel-links">
        {span && <Link href={spanPath(job.id, span.spanId)}>See it in the waterfall</Link>}
        <Link href={`/jobs/${job.id}/logs?task=${task.id}`}>See its log</Link>
        <span>
          replay{" "}
          <CopyButton text={replayText({ origin: location.origin, taskId: task.id })} label="command that replays it" />
        </span>
      </p>
      {failure && <Failure failure={failure} />}
      {progress.map(({ label, done, total }) => (
        <ProgressBar key={label} {...{ label, done, total }} />
      ))}
      <h3>Attempts</h3>
      {attempts.length === 0 && <p className="quiet">None has begun.</p>}
      <ol className="attempts">
        {attempts.map((attempt) => (
          <AttemptLine key={attempt.number} job={job} attempt={attempt} />
        ))}
      </ol>
      <h3>Task</h3>
      <dl className="facts">
        <Fact name="Id">
          <span className="mono">{task.id}</span> <CopyButton text={task.id} label="task's id" />
        </Fact>
        <Fact name="Version">{identifier?.version || "1.0"}</Fact>
        <Fact name="Queue">{task.queue}</Fact>
        <Fact name="Priority">{task.priority}</Fact>
        <Fact name="Queued">
          <RelativeTime at={task.queuedAt} />
        </Fact>
        <Fact name="Took">
          <Duration from={task.startedAt} to={task.endedAt} />
        </Fact>
        <Fact name="Waits for">{task.dependencyCount.toLocaleString()} tasks</Fact>
        <Fact name="Submitted">{task.childCount.toLocaleString()} tasks</Fact>
        {task.optional && <Fact name="Optional">its failure does not fail the job</Fact>}
      </dl>
    </>
  );
}

const outcomes: Readonly<Record<AttemptOutcome, { text: string; tone: string }>> = {
  [AttemptOutcome.UNSPECIFIED]: { text: "running", tone: "running" },
  [AttemptOutcome.SUCCESS]: { text: "succeeded", tone: "succeeded" },
  [AttemptOutcome.FAILURE]: { text: "failed", tone: "failed" },
  [AttemptOutcome.TIMEOUT]: { text: "timed out", tone: "failed" },
  [AttemptOutcome.CANCELLED]: { text: "cancelled", tone: "cancelled" },
  [AttemptOutcome.LOST]: { text: "lost", tone: "failed" },
  [AttemptOutcome.RELEASED]: { text: "given back", tone: "queued" },
};

function AttemptLine({ job, attempt }: { job: Job; attempt: Attempt }) {
  const { number, outcome, runnerId, startedAt, endedAt, failure, span } = attempt;
  const { text, tone } = outcomes[outcome] ?? outcomes[AttemptOutcome.UNSPECIFIED];
  return (
    <li>
      <span className={`badge state-${tone}`}>
        #{number} {text}
      </span>{" "}
      <Duration from={startedAt} to={endedAt} />{" "}
      <span className="mono quiet" title={runnerId}>
        {shortId(runnerId)}
      </span>{" "}
      {span && <Link href={spanPath(job.id, span.spanId)}>span</Link>}
      {failure && <p className="span-failed">{failure.message}</p>}
    </li>
  );
}
