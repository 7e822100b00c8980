import { type Task, TaskState } from "@spanloom/protocol";

/** What the graph knows of a task. */
export interface GraphTask {
  id: string;
  /** Empty for roots. */
  parentId: string;
  name: string;
  /** What people call it: its text, or its name. */
  label: string;
  state: TaskState;
  dependsOn: readonly string[];
}

/** A page of tasks, as the server gives it. */
export interface TaskPage {
  tasks: readonly Task[];
  nextPageToken: string;
}

/** Gives the page after a token; the first after an empty one. */
export type ListTasks = (pageToken: string, signal: AbortSignal) => Promise<TaskPage>;

/** The tasks of a job as far as they are kept. */
export interface TaskList {
  tasks: readonly GraphTask[];
  /** Whether there are more. */
  more: boolean;
}

interface KeptPage {
  tasks: readonly GraphTask[];
  next: string;
  /** Nothing on it changes any more. */
  settled: boolean;
}

/**
 * A job's tasks in the order they were made, page by page.
 *
 * I1. A page whose tasks all have ended is not asked for again: of a long job only what still changes is.
 * I2. So many tasks are kept, to the end of the page, and no more are asked for.
 */
export class TaskPages {
  readonly #list: ListTasks;
  readonly #most: number;
  #pages: KeptPage[] = [];

  constructor(list: ListTasks, most: number) {
    this.#list = list;
    this.#most = most;
  }

  /** How many pages there are to ask for. */
  get unsettled(): number {
    return this.#pages.filter(({ settled }) => !settled).length;
  }

  /** Brings what is known up to date. */
  async load(signal: AbortSignal): Promise<TaskList> {
    const pages: KeptPage[] = [];
    let [token, count] = ["", 0];
    for (let at = 0; at === 0 || (token !== "" && count < this.#most); at++) {
      const known = this.#pages[at];
      const page = known?.settled ? known : keep(await this.#list(token, signal));
      pages.push(page);
      token = page.next;
      count += page.tasks.length;
    }
    this.#pages = pages;
    return { tasks: pages.flatMap(({ tasks }) => tasks), more: token !== "" };
  }
}

const endStates: ReadonlySet<TaskState> = new Set([
  TaskState.SUCCEEDED,
  TaskState.FAILED,
  TaskState.CANCELLED,
  TaskState.SKIPPED,
]);

function keep({ tasks, nextPageToken: next }: TaskPage): KeptPage {
  // The last page may still get more.
  const settled = next !== "" && tasks.every(({ state }) => endStates.has(state));
  return { tasks: tasks.map(graphTask), next, settled };
}

function graphTask({ id, parentId, identifier, display, state, dependsOn }: Task): GraphTask {
  const name = identifier?.name ?? "task";
  return { id, parentId, name, label: display || name, state, dependsOn };
}
