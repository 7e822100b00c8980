import { inspect } from "node:util";
import { create } from "@bufbuild/protobuf";
import {
  defaultLimits,
  durationFromMs,
  type SpanloomError,
  type TaskFailure,
  TaskFailureSchema,
} from "@spanloom/protocol";
import { errorStack, isError } from "./error-stack.ts";

/** A year: longer than anybody waits, and Infinity is no duration on the wire. */
const MAX_RETRY_AFTER_MS = 365 * 86_400_000;

const NAME_BYTES = defaultLimits.maxNameBytes;

/**
 * Describes what a task's code threw, whatever it was.
 *
 * A TerminalError, from any copy of the SDK, is never retried; a RetryableError may say when. What led to an
 * error is appended to its stack. Texts are cut to the protocol's limits. Never throws.
 */
export function toTaskFailure(thrown: unknown): TaskFailure {
  try {
    return isError(thrown) ? toErrorFailure(thrown) : toForeignFailure(thrown);
  } catch {
    // Reading what was thrown threw, e.g. in a getter or a proxy; the attempt has failed all the same.
    return create(TaskFailureSchema, { type: "unreadable", message: "what was thrown cannot be read" });
  }
}

function toErrorFailure(thrown: Error): TaskFailure {
  const retryAfterMs = thrown.name === "RetryableError" && "retryAfterMs" in thrown ? thrown.retryAfterMs : undefined;
  const retryable = retryability(thrown);
  return create(TaskFailureSchema, {
    type: cut(typeName(thrown), NAME_BYTES),
    message: cut(String(thrown.message), defaultLimits.maxFailureMessageBytes),
    stack: cut(errorStack(thrown), defaultLimits.maxFailureStackBytes),
    ...(retryable !== undefined && { retryable }),
    ...(typeof retryAfterMs === "number" &&
      retryAfterMs >= 0 && { retryAfter: durationFromMs(Math.min(retryAfterMs, MAX_RETRY_AFTER_MS)) }),
  });
}

/** A failure of the runner's making that no retry can help. */
export function terminalFailure(error: SpanloomError): TaskFailure {
  return create(TaskFailureSchema, { ...toTaskFailure(error), retryable: false });
}

function retryability(thrown: Error): boolean | undefined {
  if (thrown.name === "TerminalError") return false;
  return thrown.name === "RetryableError" ? true : undefined;
}

function typeName(thrown: Error): string {
  if (typeof thrown.name === "string" && thrown.name !== "Error" && thrown.name !== "") return thrown.name;
  return thrown.constructor?.name || "Error";
}

function toForeignFailure(thrown: unknown): TaskFailure {
  const type = thrown === null ? "null" : typeof thrown;
  return create(TaskFailureSchema, { type, message: cut(textOf(thrown), defaultLimits.maxFailureMessageBytes) });
}

function textOf(thrown: unknown): string {
  if (typeof thrown !== "object" || thrown === null) return String(thrown);
  try {
    return JSON.stringify(thrown) ?? Object.prototype.toString.call(thrown);
  } catch {
    // Cyclic or otherwise not JSON.
    return inspect(thrown, { depth: 2 });
  }
}

const ELLIPSIS = Buffer.from("…");

/** Text of at most so many bytes in UTF-8; where it was cut stands an ellipsis. */
function cut(text: string, maxBytes: number): string {
  if (text.length * 3 <= maxBytes) return text;
  const bytes = Buffer.from(text);
  if (bytes.length <= maxBytes) return text;
  let end = maxBytes - ELLIPSIS.length;
  // Not within a character: its further bytes begin with the bits 10.
  while ((bytes[end]! & 0xc0) === 0x80) end--;
  return `${bytes.subarray(0, end)}${ELLIPSIS}`;
}
