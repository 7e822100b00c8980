import type { Gate } from "../engine/admission.ts";
import type { NewTaskSpec } from "./records.ts";

/** What a spec takes from where it stands. */
export interface Inherited {
  queue: string;
  priority: number;
}

/** A spec with nothing left to inherit. */
export interface TaskSpecRecord extends NewTaskSpec {
  seq: number;
  queue: string;
  priority: number;
  /** Of its concurrency rule and its rate limit. */
  gate: Gate | undefined;
}

/** What is stored of a spec; equal specs have equal bodies. */
export function specBody(spec: NewTaskSpec, inherited: Inherited): string {
  return JSON.stringify({
    name: spec.name,
    major: spec.major,
    minor: spec.minor,
    queue: spec.queue ?? inherited.queue,
    priority: spec.priority ?? inherited.priority,
    retry: spec.retry,
    attemptTimeoutMs: spec.attemptTimeoutMs,
    queueTimeoutMs: spec.queueTimeoutMs,
    startDelayMs: spec.startDelayMs,
    optional: spec.optional,
    concurrency: spec.concurrency,
    rateLimit: spec.rateLimit,
  });
}
