import type { Job, Task } from "@spanloom/protocol";
import { type ReactNode, useState } from "react";
import { Link } from "wouter";
import { jobs } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { isEnded } from "../../text/job-states.ts";
import { shortId } from "../../text/short-id.ts";
import { spanPath } from "../../text/span-path.ts";
import { taskStateText } from "../../text/task-states.ts";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { Duration, RelativeTime } from "../../widgets/time.tsx";
import { isRetriable, RetryTask } from "./retry-task.tsx";

const PAGE_SIZE = 100;
const RUNNING_MS = 2_000;
const ENDED_MS = 30_000;

/** A job's tasks in the order they were made, a page at a time. */
export function TasksView({ job }: { job: Job }) {
  const [pages, setPages] = useState<readonly string[]>([]);
  const pageToken = pages.at(-1) ?? "";
  const ended = isEnded(job.state);
  const key = `tasks of ${job.id} at ${pageToken} ${ended}`;
  const { data, error, refresh } = usePoll(key, ended ? ENDED_MS : RUNNING_MS, (signal) =>
    jobs.listTasks({ jobId: job.id, pageSize: PAGE_SIZE, pageToken }, { signal }),
  );
  if (!data) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  if (data.tasks.length === 0) return <EmptyState title="This job has no tasks" />;
  const next = data.nextPageToken;
  return (
    <>
      <TaskTable tasks={data.tasks} isEnded={ended} onRetried={refresh} />
      <nav className="pages" aria-label="Pages of tasks">
        {pages.length > 0 && (
          <button type="button" className="button" onClick={() => setPages(pages.slice(0, -1))}>
            ← Earlier
          </button>
        )}
        {next !== "" && (
          <button type="button" className="button" onClick={() => setPages([...pages, next])}>
            Later →
          </button>
        )}
      </nav>
    </>
  );
}

interface TaskTableProps {
  tasks: readonly Task[];
  /** Whether the job has ended, so that tasks of it can be run again. */
  isEnded: boolean;
  onRetried: () => void;
}

function TaskTable({ tasks, isEnded: canRetry, onRetried }: TaskTableProps) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Tasks" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">State</th>
            <th scope="col">Task</th>
            <th scope="col">Id</th>
            <th scope="col">Runner</th>
            <th scope="col" className="number">
              Attempts
            </th>
            <th scope="col">Queued</th>
            <th scope="col" className="number">
              Took
            </th>
            {canRetry && (
              <th scope="col">
                <span className="hidden">Actions</span>
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {tasks.map((task) => (
            <TaskRow key={task.id} task={task}>
              {canRetry && (
                <td className="number">{isRetriable(task) && <RetryTask task={task} onRetried={onRetried} />}</td>
              )}
            </TaskRow>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function TaskRow({ task, children }: { task: Task; children: ReactNode }) {
  const { name, tone } = taskStateText(task.state);
  const runner = task.attempts.at(-1)?.runnerId ?? "";
  return (
    <tr>
      <td>
        <span className={`badge state-${tone}`}>{name}</span>
      </td>
      <td className="wide" style={{ paddingInlineStart: `${0.75 + Math.min(task.depth, 12)}rem` }}>
        <TaskName task={task} />
        {task.failure && (
          <span className="row-problem" title={task.failure.message}>
            {task.failure.message}
          </span>
        )}
      </td>
      <td className="mono quiet" title={task.id}>
        {shortId(task.id)}
      </td>
      <td className="mono quiet" title={runner}>
        {shortId(runner)}
      </td>
      <td className="number">{task.attemptCount}</td>
      <td>
        <RelativeTime at={task.queuedAt} />
      </td>
      <td className="number">
        <Duration from={task.startedAt} to={task.endedAt} />
      </td>
      {children}
    </tr>
  );
}

/** What a task is called, which leads to its span. */
function TaskName({ task }: { task: Task }) {
  const name = task.display || task.identifier?.name;
  if (!task.span) return name;
  return (
    <Link href={spanPath(task.jobId, task.span.spanId)} className="row-link">
      {name}
    </Link>
  );
}
