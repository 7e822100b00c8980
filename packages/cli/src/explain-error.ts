import { SpanloomError } from "@spanloom/protocol";
import { CommanderError } from "commander";
import { exitCodes, OperationError, UsageError } from "./cli-context.ts";

/** What to tell about an error, and the exit code it means. */
export interface Explanation {
  exitCode: number;
  reason: string;
  message: string;
  /** What to do next; empty when there is nothing to say. */
  hint: string;
}

/** Explains an error of any kind. Null for one that commander has dealt with, e.g. help. */
export function explainError(error: unknown): Explanation | null {
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return null;
    // Help that was shown for want of a command says enough.
    const message = error.code === "commander.help" ? "" : error.message.replace(/^error: /, "");
    return { exitCode: exitCodes.usage, reason: "USAGE", message, hint: "" };
  }
  if (error instanceof UsageError)
    return {
      exitCode: exitCodes.usage,
      reason: "USAGE",
      message: error.message,
      hint: "Add --help to see the options.",
    };
  if (error instanceof SpanloomError) return explainSpanloomError(error);
  const message = error instanceof OperationError ? error.message : text(error);
  return { exitCode: exitCodes.failed, reason: "FAILED", message, hint: "" };
}

const hints: Partial<Record<SpanloomError["reason"], string>> = {
  STORE_UNAVAILABLE: "Start a server with: spanloom server\nOr name another with --url or SPANLOOM_URL.",
  TELEMETRY_UNAVAILABLE: "The telemetry store is busy or away; try again in a moment.",
  JOB_NOT_FOUND: "List the jobs with: spanloom job list",
  TASK_NOT_FOUND: "List the tasks of a job with: spanloom job get <job> --tasks",
  UNAUTHENTICATED: "Give a token with --token or SPANLOOM_TOKEN.",
  PERMISSION_DENIED: "Use a token that has the scope the message names.",
  IDEMPOTENCY_CONFLICT: "Use another --idempotency-key, or the same input as before.",
  UNIMPLEMENTED: "This server does not serve that call yet; see docs/status.md.",
};

function explainSpanloomError(error: SpanloomError): Explanation {
  const exitCode = error.reason === "INVALID_FIELD" ? exitCodes.usage : exitCodes.failed;
  return { exitCode, reason: error.reason, message: error.message, hint: hints[error.reason] ?? "" };
}

function text(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
