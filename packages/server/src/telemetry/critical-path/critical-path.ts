import { blockedUntilUs, lastDependencies, type PathJob, type PathTask, type Siblings } from "./path-task.ts";
import { type PathKind, type Phase, phasesOf } from "./task-phases.ts";

/** A stretch of a job's time, and the span it was spent in. */
export interface Segment {
  row: number;
  kind: PathKind;
  fromUs: number;
  toUs: number;
  /** 0 for the job, 1 for its root tasks and their attempts, and so on. */
  depth: number;
}

/** Tasks of one parent, while their part of the path is found; the last to end first. */
interface Frame {
  kind: "frame";
  row: number;
  depth: number;
  tasks: readonly PathTask[];
  next: number;
  floorUs: number;
}

/** A task, while its phases are gone through from the last to the first. */
interface Walk {
  kind: "walk";
  task: PathTask;
  depth: number;
  phases: Phase[];
  floorUs: number;
}

/**
 * Finds the chain of spans that decided how long a job took.
 *
 * It goes back from the job's end: to the task that ended last, through what that task did; where it waited for its
 * children, into the one that ended last; where it was blocked, to the dependency that ended last.
 *
 * I1. Segments follow each other from the job's start to its end without gap or overlap, so that their lengths sum to
 *     its duration, whatever the spans say: one cursor moves back from the end to the start, and each segment is what it
 *     moves over.
 * I2. A task is gone through once, so it ends on any input, in time linear in the job's spans but for sorting.
 *
 * Shape: in order of time; none when the job took no time.
 */
export function criticalPath(job: PathJob): Segment[] {
  const search = new PathSearch(job.endedUs);
  search.run(job);
  return search.segments.reverse();
}

class PathSearch {
  readonly segments: Segment[] = [];
  readonly #endUs: number;
  #cursorUs: number;
  readonly #seen = new Set<PathTask>();
  /** An explicit stack: tasks nest as deep as their authors like. */
  readonly #stack: (Frame | Walk)[] = [];

  constructor(endUs: number) {
    this.#endUs = this.#cursorUs = endUs;
  }

  run({ row, roots }: PathJob): void {
    this.#enter(roots, { row, depth: 0, floorUs: 0 });
    for (let top = this.#stack.at(-1); top; top = this.#stack.at(-1)) {
      if (top.kind === "frame") this.#nextTask(top);
      else this.#nextPhase(top);
    }
  }

  #enter({ tasks }: Siblings, place: Pick<Frame, "row" | "depth" | "floorUs">): void {
    const sorted = tasks.toSorted((a, b) => this.#endOf(b) - this.#endOf(a) || latestWork(b) - latestWork(a));
    this.#stack.push({ kind: "frame", ...place, tasks: sorted, next: 0 });
  }

  /** Where a task ends as seen from here: what comes later is another part of the path. */
  #endOf(task: PathTask): number {
    return Math.min(task.endedUs, this.#cursorUs);
  }

  #nextTask(frame: Frame): void {
    const { tasks, floorUs, row, depth } = frame;
    while (this.#cursorUs > floorUs && frame.next < tasks.length) {
      const task = tasks[frame.next++]!;
      if (this.#seen.has(task) || task.createdUs >= this.#cursorUs) continue;
      this.#emit("overhead", { row, depth, fromUs: Math.max(this.#endOf(task), floorUs) });
      this.#walk(task, depth + 1, floorUs);
      return;
    }
    this.#emit("overhead", { row, depth, fromUs: floorUs });
    this.#stack.pop();
  }

  #walk(task: PathTask, depth: number, floorUs: number): void {
    this.#seen.add(task);
    this.#stack.push({ kind: "walk", task, depth, phases: phasesOf(task, this.#endUs), floorUs });
  }

  #nextPhase(walk: Walk): void {
    const { task, depth, floorUs } = walk;
    const phase = walk.phases.pop();
    if (!phase || this.#cursorUs <= floorUs) {
      this.#stack.pop();
      return;
    }
    const { kind, row } = phase;
    const fromUs = Math.max(phase.fromUs, floorUs);
    if (fromUs >= this.#cursorUs) return;
    if (kind === "waiting") this.#enter(task.children, { row: task.row, depth, floorUs: fromUs });
    else if (kind === "dependency") this.#nextDependency(walk, fromUs, phase.toUs);
    else this.#emit(kind, { row, depth, fromUs });
  }

  /** Goes on with what the task waited for, which was submitted with it; where nothing is known, it was blocked. */
  #nextDependency({ task, depth, floorUs }: Walk, fromUs: number, toUs: number): void {
    const [dependency] = lastDependencies(task, toUs === this.#endUs ? blockedUntilUs(task) : toUs)
      .filter((other) => !this.#seen.has(other) && other.createdUs < this.#cursorUs)
      .sort((a, b) => latestWork(b) - latestWork(a));
    if (!dependency) {
      this.#emit("blocked", { row: task.row, depth, fromUs });
      return;
    }
    this.#emit("blocked", { row: task.row, depth, fromUs: Math.max(this.#endOf(dependency), floorUs) });
    this.#stack.pop();
    this.#walk(dependency, depth, floorUs);
  }

  /** Moves the cursor back, and says what the time went to; segments of one kind and span are one. */
  #emit(kind: PathKind, { row, depth, fromUs }: Pick<Segment, "row" | "depth" | "fromUs">): void {
    const toUs = this.#cursorUs;
    if (fromUs >= toUs) return;
    this.#cursorUs = fromUs;
    const last = this.segments.at(-1);
    if (last?.row === row && last.kind === kind) last.fromUs = fromUs;
    else this.segments.push({ row, kind, depth, fromUs, toUs });
  }
}

/**
 * Of tasks that end at one moment the one that did something then goes first: what failed before what is skipped for it,
 * what runs before what waits. By when its work ended, or how much it has to tell.
 */
function latestWork({ attempts, children, lastQueuedUs, unblockedUs }: PathTask): number {
  const last = attempts.at(-1);
  if (last?.endedUs === Number.POSITIVE_INFINITY) return 5;
  if (children.tasks.length > 0) return 4;
  if (last) return 3;
  if (lastQueuedUs !== undefined) return 2;
  return unblockedUs === undefined ? 0 : 1;
}
