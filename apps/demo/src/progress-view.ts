import type { JobSnapshot } from "@spanloom/sdk";

/** Where progress is shown. */
export interface ProgressViewOptions {
  write: (text: string) => void;
  /** Whether the line can be rewritten in place. */
  live: boolean;
  nowMs: () => number;
  /** Width of a live line. */
  columns: number;
}

const LIVE_EVERY_MS = 80;
const PLAIN_EVERY_MS = 1_000;

/** Shows how a job comes along: one line rewritten in place on a terminal, a line a second elsewhere. */
export class ProgressView {
  readonly #options: ProgressViewOptions;
  #shownAtMs = Number.NEGATIVE_INFINITY;
  #last = "";

  constructor(options: ProgressViewOptions) {
    this.#options = options;
  }

  /** Shows a snapshot, unless one was shown a moment ago. */
  show(job: JobSnapshot): void {
    const now = this.#options.nowMs();
    this.#last = progressLine(job);
    if (now - this.#shownAtMs < (this.#options.live ? LIVE_EVERY_MS : PLAIN_EVERY_MS)) return;
    this.#shownAtMs = now;
    this.#draw();
  }

  /** A line of its own, above the live one. */
  note(text: string): void {
    this.#options.write(this.#options.live ? `\r\u001b[K${text}\n` : `${text}\n`);
    if (this.#options.live && this.#last !== "") this.#draw();
  }

  /** Shows the last snapshot and leaves the line. */
  end(): void {
    if (this.#last === "") return;
    this.#draw();
    if (this.#options.live) this.#options.write("\n");
    this.#last = "";
  }

  #draw(): void {
    const { live, write, columns } = this.#options;
    write(live ? `\r\u001b[K${this.#last.slice(0, Math.max(columns - 1, 20))}` : `${this.#last}\n`);
  }
}

/** One line about a job: how many of its tasks ended, and what the others do. */
export function progressLine(job: JobSnapshot): string {
  const counts = Object.entries(job.counts).filter(([, count]) => count > 0);
  const total = counts.reduce((sum, [, count]) => sum + count, 0);
  const done = endedTasks(job);
  const percent = total === 0 ? 0 : Math.floor((100 * done) / total);
  const parts = counts.map(([state, count]) => `${count} ${state}`);
  return `${job.state.padEnd(9)} ${String(percent).padStart(3)} %  ${done}/${total} tasks  ${parts.join(", ")}`;
}

/** How many of a job's tasks have ended. */
export function endedTasks({ counts }: Pick<JobSnapshot, "counts">): number {
  return counts.succeeded + counts.failed + counts.cancelled + counts.skipped;
}

/** Share of a job's tasks that have ended, 0..1; 0 while its first task has submitted nothing. */
export function endedShare(job: Pick<JobSnapshot, "counts">): number {
  const total = Object.values(job.counts).reduce((sum, count) => sum + count, 0);
  return total <= 1 ? 0 : endedTasks(job) / total;
}
