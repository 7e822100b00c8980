import { fileURLToPath } from "node:url";
import type { RunnerCommand } from "./runner-process.ts";

/** What is different about runners. */
export interface AuditRunnerOptions {
  /** Attempts at once in each. */
  concurrency: number;
  /** File of the tasks. Default: the demo's. */
  tasks?: string;
  /** OpenTelemetry's service.name. */
  serviceName?: string;
  /** Variables of their environment, beside those of this process. */
  env?: Readonly<Record<string, string>>;
}

/** The command of a `spanloom-runner` that has the demo's tasks. */
export function auditRunner(
  url: string,
  {
    concurrency,
    tasks = fileURLToPath(new URL("tasks.ts", import.meta.url)),
    serviceName = "dependency-audit",
    env = {},
  }: AuditRunnerOptions,
): RunnerCommand {
  const bin = fileURLToPath(new URL("bin/spanloom-runner.ts", import.meta.resolve("@spanloom/runner")));
  const flags = ["--url", url, "--concurrency", String(concurrency), "--service-name", serviceName];
  return { program: process.execPath, args: [bin, tasks, ...flags], env };
}

/** Several of them, for a server whose address is not known yet. */
export function auditRunners(count: number, options: AuditRunnerOptions): (url: string) => RunnerCommand[] {
  return (url) => Array.from({ length: count }, () => auditRunner(url, options));
}
