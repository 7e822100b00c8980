import { formatWithOptions, inspect } from "node:util";
import { context } from "@opentelemetry/api";
import type { LogSeverity } from "@spanloom/sdk";
import { activeSpanOf } from "./log.ts";
import { attemptOfContext } from "./tracing/attempt-tracing.ts";

/** Methods of `console` that are captured; the others print through one of these, or print no message. */
const severities = {
  trace: "TRACE",
  debug: "DEBUG",
  log: "INFO",
  info: "INFO",
  dir: "INFO",
  warn: "WARN",
  error: "ERROR",
} as const satisfies Partial<Record<keyof Console, LogSeverity>>;

type Method = keyof typeof severities;

const methods = Object.keys(severities) as Method[];
const SCOPE = { name: "console" };

/** Those who asked for the capture; `console` is one for the process, however many runners it has. */
const users = new Set<symbol>();
let restore: (() => void) | undefined;

/**
 * Makes what attempts print with `console` a log record, too, until the function it returns was called.
 *
 * I1. Everything is printed as before, first; what belongs to no attempt is only printed.
 * I2. One call makes one record: what is printed while another is printed or recorded is not recorded.
 * I3. Recording never throws and prints nothing.
 * I4. When the last who asked has gone, `console` is as it was found, unless somebody else has changed it since.
 */
export function captureConsole(): () => void {
  const user = Symbol("capture");
  users.add(user);
  restore ??= install(console);
  return () => {
    if (!users.delete(user) || users.size > 0) return;
    restore?.();
    restore = undefined;
  };
}

function install(target: Console): () => void {
  let within = false;
  let installed = true;
  const undo = methods.map((method) => {
    const original = target[method] as (...args: unknown[]) => void;
    const captured = function (this: unknown, ...args: unknown[]): void {
      if (within || !installed) {
        original.apply(this, args);
        return;
      }
      within = true;
      try {
        original.apply(this, args);
        record(method, args);
      } finally {
        within = false;
      }
    };
    Object.defineProperty(captured, "name", { value: method });
    target[method] = captured;
    return () => {
      if (target[method] === captured) target[method] = original;
    };
  });
  return () => {
    installed = false;
    for (const each of undo) each();
  };
}

function record(method: Method, args: unknown[]): void {
  const attempt = attemptOfContext(context.active());
  if (!attempt) return;
  try {
    const attributes = {
      "log.iostream": method === "warn" || method === "error" || method === "trace" ? "stderr" : "stdout",
    };
    const span = activeSpanOf(attempt);
    attempt.addLog({ severity: severities[method], body: bodyOf(method, args), attributes, span }, SCOPE);
  } catch {
    // A value that cannot be shown, though it was printed: the code must not fail by being watched.
    attempt.buffer.countDropped();
  }
}

/** What was printed, without colours and the indentation of groups. */
function bodyOf(method: Method, args: unknown[]): string {
  if (method === "dir") return inspect(args[0], { customInspect: false, ...(args[1] as object), colors: false });
  return formatWithOptions({ colors: false }, ...args);
}
