import { create } from "@bufbuild/protobuf";
import { type Client, createClient, type Transport } from "@connectrpc/connect";
import {
  durationFromMs,
  type LeasedTask,
  type LeaseTasksResponse,
  type TaskResult,
  TaskResultSchema,
  TaskService,
} from "@spanloom/protocol";

/** What a task's code gives back; a test defines it by task name. */
export type TaskCode = (task: LeasedTask) => Pick<TaskResult, "outcome"> & { telemetry?: Uint8Array };

/** A minimal runner over the generated client: leases, runs, reports, over and over. */
export class LoopRunner {
  readonly id: string;
  readonly #client: Client<typeof TaskService>;
  readonly #code: Readonly<Record<string, TaskCode>>;

  constructor(transport: Transport, code: Readonly<Record<string, TaskCode>>, id: string = crypto.randomUUID()) {
    this.id = id;
    this.#client = createClient(TaskService, transport);
    this.#code = code;
  }

  /** Leases and reports once; `results` are of earlier leases. */
  exchange(
    results: readonly TaskResult[],
    options: { maxTasks?: number; waitMs?: number; leaseMs?: number; traces?: Uint8Array[]; signal?: AbortSignal } = {},
  ): Promise<LeaseTasksResponse> {
    const { maxTasks = 10, waitMs = 0, leaseMs, traces = [], signal } = options;
    return this.#client.leaseTasks(
      {
        runnerId: this.id,
        identifiers: Object.keys(this.#code).map((name) => ({ name })),
        maxTasks,
        results: [...results],
        telemetry: { traces },
        wait: durationFromMs(waitMs),
        ...(leaseMs !== undefined && { leaseDuration: durationFromMs(leaseMs) }),
      },
      signal ? { signal } : {},
    );
  }

  /** Runs leased tasks. */
  run(tasks: readonly LeasedTask[]): { results: TaskResult[]; traces: Uint8Array[] } {
    const traces: Uint8Array[] = [];
    const results = tasks.map((task) => {
      const { outcome, telemetry } = this.#code[task.identifier?.name ?? ""]?.(task) ?? { outcome: failed(task) };
      if (telemetry) traces.push(telemetry);
      const { taskId, attempt, leaseToken } = task;
      return create(TaskResultSchema, { taskId, attempt, leaseToken, outcome });
    });
    return { results, traces };
  }

  /** Leases, runs and reports until there is nothing to do; answers with the acknowledgements. */
  async drain(): Promise<LeaseTasksResponse["resultAcks"]> {
    const acks: LeaseTasksResponse["resultAcks"] = [];
    let work: { results: TaskResult[]; traces: Uint8Array[] } = { results: [], traces: [] };
    do {
      const answer = await this.exchange(work.results, { traces: work.traces });
      acks.push(...answer.resultAcks);
      work = this.run(answer.tasks);
    } while (work.results.length > 0);
    return acks;
  }
}

function failed(task: LeasedTask): TaskResult["outcome"] {
  const value = { failure: { type: "Unknown", message: `no code for ${task.identifier?.name}` } };
  return { case: "failure", value: value as never };
}

/** The outcome of code that returned a value, with children if any. */
export function returned(value: unknown, children?: object): Pick<TaskResult, "outcome"> {
  const output = new TextEncoder().encode(JSON.stringify(value));
  return { outcome: { case: "success", value: { output, ...(children && { children }) } as never } };
}
