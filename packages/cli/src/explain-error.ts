import { type Reason, SpanloomError } from "@spanloom/protocol";
import { CommanderError } from "commander";
import { exitCodes, OperationError, UsageError } from "./cli-context.ts";
import { connectionProblem } from "./connection-problem.ts";
import type { Explanation } from "./explanation.ts";

/** Explains an error of any kind; `url` is the server's. Null for one that commander has dealt with, e.g. help. */
export function explainError(error: unknown, url: string): Explanation | null {
  if (error instanceof CommanderError) return explainCommander(error);
  if (error instanceof UsageError)
    return {
      exitCode: exitCodes.usage,
      reason: "USAGE",
      message: error.message,
      hint: "Add --help to see the options.",
    };
  if (error instanceof SpanloomError) return connectionProblem(error, url) ?? explainSpanloomError(error);
  if (error instanceof OperationError)
    return { exitCode: error.exitCode, reason: "FAILED", message: error.message, hint: "" };
  return { exitCode: exitCodes.failed, reason: "FAILED", message: text(error), hint: "" };
}

function explainCommander({ code, exitCode, message }: CommanderError): Explanation | null {
  if (exitCode === 0) return null;
  const base = { exitCode: exitCodes.usage, reason: "USAGE" };
  const hint = message.includes("Did you mean") ? "" : "Add --help to see what there is.";
  // Help was shown for want of a command.
  if (code === "commander.help") return { ...base, message: "missing command", hint, isShown: true };
  return { ...base, message: message.replace(/^error: /, ""), hint };
}

const hints: Partial<Record<Reason, string>> = {
  STORE_UNAVAILABLE: "The database that keeps jobs is away: try again in a moment, or read the server's own output.",
  TELEMETRY_UNAVAILABLE: "The telemetry store is busy or away; try again in a moment.",
  SHUTTING_DOWN: "The server is being stopped; try again when it is back.",
  OVERLOADED: "Ask for less at once, or try again in a moment.",
  DEADLINE_EXCEEDED: "Try again, give it longer with --request-timeout, or look with: spanloom doctor",
  JOB_NOT_FOUND: "List the jobs with: spanloom job list",
  TASK_NOT_FOUND: "List the tasks of a job with: spanloom job get <job> --tasks",
  RUNNER_NOT_FOUND: "List the runners with: spanloom runner list",
  SCHEDULE_NOT_FOUND: "List the schedules with: spanloom schedule list",
  TRIGGER_NOT_FOUND: "List the triggers with: spanloom trigger list",
  EVENT_NOT_FOUND: "List the events with: spanloom event list",
  WEBHOOK_NOT_FOUND: "List the webhooks with: spanloom webhook list",
  UNAUTHENTICATED: "Give a token that the server knows with --token or SPANLOOM_TOKEN.",
  PERMISSION_DENIED: "Use a token that has the scope the message names.",
  IDEMPOTENCY_CONFLICT: "Use another --idempotency-key, or the same input as before.",
  UNIMPLEMENTED: "The server may be of another version; compare with: spanloom doctor",
  INTERNAL: "Read the server's own output, or look with: spanloom doctor",
};

function explainSpanloomError(error: SpanloomError): Explanation {
  const { reason, message } = error;
  return { exitCode: exitCodeOf(error), reason, message, hint: hints[reason] ?? idHint(error) };
}

/** What is no id at all was perhaps a name. */
function idHint({ reason, message }: SpanloomError): string {
  const [, kind] = (reason === "INVALID_FIELD" && /\b(job|task|runner)_ids?\b/.exec(message)) || [];
  return (kind && hints[`${kind.toUpperCase()}_NOT_FOUND` as Reason]) || "";
}

const invalid: ReadonlySet<Reason> = new Set([
  "INVALID_FIELD",
  "LIMIT_EXCEEDED",
  "INVALID_DEPENDENCY",
  "INVALID_PAGE_TOKEN",
  "UNSUPPORTED_QUERY",
]);

function exitCodeOf({ reason, retryable }: SpanloomError): number {
  if (retryable) return exitCodes.unavailable;
  if (reason === "UNAUTHENTICATED" || reason === "PERMISSION_DENIED") return exitCodes.refused;
  return invalid.has(reason) ? exitCodes.usage : exitCodes.failed;
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
