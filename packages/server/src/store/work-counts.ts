import { Distribution, workSeconds } from "@spanloom/metrics";
import { AttemptOutcome, type JobState, TaskState } from "@spanloom/protocol";

/** How long attempts of one queue waited and ran, in seconds. */
export interface QueueTimes {
  /** From when the task was ready to its lease. */
  readonly waited: Distribution;
  /** From the lease to the attempt's end. */
  readonly ran: Distribution;
}

/** Queues whose times are kept apart; those of others come together under {@link OTHER_QUEUES}. */
const MAX_QUEUES = 100;

/** What is no queue's name: the times of all queues beyond the limit. */
export const OTHER_QUEUES = "";

/**
 * What jobs and tasks went through: numbers alone, so that counting costs no object per task.
 *
 * A store counts what a transaction does in one of these, and adds it to that of its life once it is committed: work
 * that was undone counts for nothing.
 */
export class WorkCounts {
  jobsSubmitted = 0;
  /** By JobState. */
  readonly jobsEnded: number[] = new Array(8).fill(0);
  tasksSubmitted = 0;
  /** Tasks in each state, by TaskState: the change, or of a store that counts all of them the sum. */
  readonly tasks: number[] = new Array(12).fill(0);
  /** Tasks that came to a state, by TaskState. */
  readonly tasksEntered: number[] = new Array(12).fill(0);
  /** By AttemptOutcome. */
  readonly attemptsEnded: number[] = new Array(8).fill(0);
  attemptsStarted = 0;
  /** Attempts after which the task was to run again. */
  retries = 0;
  /** Reports of progress that their job does not sum, having too many labels. */
  progressDropped = 0;
  /** Spans and log records that runners say they had to drop. */
  droppedTelemetry = 0;
  readonly queues = new Map<string, QueueTimes>();

  /** Notes tasks that went from one state to another; UNSPECIFIED stands for outside. */
  moved(from: TaskState, to: TaskState, count: number): void {
    if (from === TaskState.UNSPECIFIED) this.tasksSubmitted += count;
    else this.tasks[from]! -= count;
    this.tasks[to]! += count;
    this.tasksEntered[to]! += count;
  }

  /** Notes a job that ended in a state. */
  jobEnded(state: JobState): void {
    this.jobsEnded[state]!++;
  }

  /** Notes a lease of a task that had waited for so long. */
  leased(queue: string, waitedUs: number): void {
    this.attemptsStarted++;
    this.#of(queue).waited.record(Math.max(0, waitedUs) / 1e6);
  }

  /** Notes the end of an attempt. */
  attemptEnded(
    queue: string,
    end: { outcome: AttemptOutcome; state: TaskState; ranUs: number; dropped: number },
  ): void {
    this.attemptsEnded[end.outcome]!++;
    const goesOn = end.state === TaskState.QUEUED || end.state === TaskState.SCHEDULED;
    if (goesOn && end.outcome !== AttemptOutcome.RELEASED) this.retries++;
    this.droppedTelemetry += end.dropped;
    this.#of(queue).ran.record(Math.max(0, end.ranUs) / 1e6);
  }

  /** Adds what another has, which is empty then. */
  take(other: WorkCounts): void {
    this.jobsSubmitted += other.jobsSubmitted;
    this.tasksSubmitted += other.tasksSubmitted;
    this.attemptsStarted += other.attemptsStarted;
    this.retries += other.retries;
    this.droppedTelemetry += other.droppedTelemetry;
    this.progressDropped += other.progressDropped;
    addTo(this.jobsEnded, other.jobsEnded);
    addTo(this.tasks, other.tasks);
    addTo(this.tasksEntered, other.tasksEntered);
    addTo(this.attemptsEnded, other.attemptsEnded);
    for (const [queue, { waited, ran }] of other.queues) {
      if (waited.count + ran.count === 0) continue;
      const own = this.#of(queue);
      own.waited.take(waited);
      own.ran.take(ran);
    }
    other.clear();
  }

  /** Forgets what was counted. */
  clear(): void {
    this.jobsSubmitted = this.tasksSubmitted = this.attemptsStarted = this.retries = this.droppedTelemetry = 0;
    this.progressDropped = 0;
    for (const counts of [this.jobsEnded, this.tasks, this.tasksEntered, this.attemptsEnded]) counts.fill(0);
    for (const { waited, ran } of this.queues.values()) {
      waited.clear();
      ran.clear();
    }
  }

  #of(queue: string): QueueTimes {
    const known = this.queues.get(queue);
    if (known !== undefined) return known;
    if (this.queues.size >= MAX_QUEUES && queue !== OTHER_QUEUES) return this.#of(OTHER_QUEUES);
    const times = { waited: new Distribution(workSeconds), ran: new Distribution(workSeconds) };
    this.queues.set(queue, times);
    return times;
  }
}

function addTo(sums: number[], more: readonly number[]): void {
  for (let at = 0; at < sums.length; at++) sums[at]! += more[at]!;
}
