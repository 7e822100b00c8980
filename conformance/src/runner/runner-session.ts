import { randomBytes } from "node:crypto";
import type { Json, JsonObject } from "../cases/template.ts";
import { newUuid } from "../match/evaluate.ts";
import type { OfferedTask } from "../scripted/offered-task.ts";
import { ScriptedServer } from "../scripted/scripted-server.ts";
import { type ServerSettings, usualSettings } from "../scripted/server-settings.ts";
import { type RunnerCommand, RunnerProcess, usualRunner } from "./runner-process.ts";
import type { RunnerSettings, View } from "./runner-step.ts";

/** Ids that nobody can guess. */
export const randomIds = { uuid: newUuid, hex: (bytes: number) => randomBytes(bytes).toString("hex") };

/** How long a runner may take to start, on a machine that is busy with others. */
const START_MS = 60_000;

/** A scripted server and the runner that was started for it. */
export class RunnerSession implements AsyncDisposable {
  readonly server: ScriptedServer;
  readonly runner: RunnerProcess;
  /** Tasks that cases offered, by id and attempt. */
  readonly #offered = new Map<string, OfferedTask>();

  private constructor(server: ScriptedServer, runner: RunnerProcess) {
    this.server = server;
    this.runner = runner;
  }

  /** Starts both. */
  static async start(
    command: RunnerCommand,
    settings: { server?: Partial<ServerSettings>; runner?: Partial<RunnerSettings>; away?: boolean } = {},
  ): Promise<RunnerSession> {
    const server = new ScriptedServer({ ...usualSettings, ...settings.server });
    await server.start();
    server.setAway(settings.away ?? false);
    const runner = new RunnerProcess({
      ...command,
      url: server.url,
      settings: { ...usualRunner, ...settings.runner },
      changed: () => server.record.changed(),
    });
    runner.start();
    return new RunnerSession(server, runner);
  }

  /**
   * Waits until the runner has made its first call or ended, so that time limits of cases are not about how fast it starts.
   *
   * Shape: whether it has made one.
   */
  async ready(signal: AbortSignal, limitMs = START_MS): Promise<boolean> {
    const { record } = this.server;
    const called = () => record.registrations.length > 0 || record.calls.length > 0;
    await record.when(() => (called() || this.runner.exit ? true : undefined), { limitMs, signal });
    return called();
  }

  /** Offers a task. */
  offer(offered: OfferedTask): void {
    this.#offered.set(keyOf(offered.task.taskId, offered.task.attempt), offered);
    this.server.desk.offer(offered);
  }

  /** A task by its variable. */
  offered(variable: JsonObject): OfferedTask {
    const found = this.#offered.get(keyOf(String(variable.task_id), Number(variable.attempt)));
    if (!found) throw new Error(`cannot find task ${String(variable.task_id)}: it was not offered in this case`);
    return found;
  }

  /** What a case looks at. */
  look(view: View, task: OfferedTask | undefined): Json | undefined {
    const { record, desk } = this.server;
    const taskId = task?.task.taskId ?? "";
    switch (view) {
      case "results":
        return record.resultsOf(taskId).filter(({ attempt }) => attempt === task?.task.attempt);
      case "spans":
        return record.spansOf(task?.traceId ?? "", taskId);
      case "all_spans":
        return record.allSpansOf(task?.traceId ?? "");
      case "logs":
        return record.logsOf(task?.traceId ?? "", taskId);
      case "heartbeats":
        return task ? record.heartbeatsOf(taskId) : record.heartbeats;
      case "sleeping":
        return desk.sleeping;
      case "refused":
        return this.server.refusedConnections;
      case "expired":
        return desk.expired;
      case "exit":
        return this.runner.exit;
      default:
        return record[view];
    }
  }

  /** Ends both. Safe to call twice. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.runner[Symbol.asyncDispose]();
    await this.server[Symbol.asyncDispose]();
  }
}

function keyOf(taskId: string, attempt: number): string {
  return `${taskId}#${attempt}`;
}
