import type { TaskResult } from "@spanloom/protocol";
import type { AnyTask } from "@spanloom/sdk";
import { afterEach } from "vitest";
import { Runner } from "../runner.ts";
import type { RunnerOptions } from "../runner-options.ts";
import { FakeServer } from "./fake-server.ts";

const running: Runner[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((runner) => runner.stop()));
});

/** Starts a runner against a server in memory; it is stopped after the test. */
export async function start(tasks: AnyTask[], options: Partial<RunnerOptions> = {}, server = new FakeServer()) {
  const lines: string[] = [];
  const log = (line: string) => void lines.push(line);
  const runner = new Runner({ transport: server.transport, tasks, log, graceMs: 2_000, ...options });
  running.push(runner);
  await runner.start();
  return { server, runner, lines };
}

/** What a successful result carries. */
export function outputOf(result: TaskResult): unknown {
  if (result.outcome.case !== "success") throw new Error(`not a success: ${JSON.stringify(result.outcome.value)}`);
  const text = new TextDecoder().decode(result.outcome.value.output);
  return text === "" ? undefined : JSON.parse(text);
}

/** What a failed result carries, flat. */
export function failureOf(result: TaskResult) {
  if (result.outcome.case !== "failure") throw new Error(`not a failure but ${result.outcome.case}`);
  return { outcome: result.outcome.value.outcome, ...result.outcome.value.failure };
}

/** A promise to be settled from outside. */
export function gate<Value = void>() {
  return Promise.withResolvers<Value>();
}
