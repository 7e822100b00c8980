import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs, type SubmitJobRequestSchema, timestampFromUs } from "@spanloom/protocol";
import { parseDuration } from "../../text/parse-duration.ts";
import { payloadBytes } from "../../text/payload.ts";
import { parseTags } from "../../text/tag-list.ts";

/** What is typed to submit a job; empty is what the server does without. */
export interface Draft {
  task: string;
  input: string;
  name: string;
  queue: string;
  tags: string;
  priority: string;
  /** Attempts in all. */
  attempts: string;
  attemptTimeout: string;
  queueTimeout: string;
  /** As a browser's field for a time gives it, where the reader is. */
  startAt: string;
  deadline: string;
  idempotencyKey: string;
}

export const emptyDraft: Draft = {
  task: "",
  input: "",
  name: "",
  queue: "",
  tags: "",
  priority: "",
  attempts: "",
  attemptTimeout: "",
  queueTimeout: "",
  startAt: "",
  deadline: "",
  idempotencyKey: "",
};

/** A field whose text cannot be sent: the message is for whoever typed it. */
export class DraftProblem extends Error {}

/**
 * The submission of what was typed; `key` stands for it where none was typed.
 *
 * Errors: DraftProblem, which names the field.
 */
export function toSubmission(draft: Draft, key: string): MessageInitShape<typeof SubmitJobRequestSchema> {
  const task = draft.task.trim();
  const attemptTimeout = duration("Attempt timeout", draft.attemptTimeout);
  const queueTimeout = duration("Queue timeout", draft.queueTimeout);
  const deadline = duration("Deadline", draft.deadline);
  const maxAttempts = wholeNumber("Attempts", draft.attempts);
  const startAt = time("Start", draft.startAt);
  return {
    name: draft.name.trim() || task,
    queue: draft.queue.trim(),
    tags: parseTags(draft.tags),
    priority: wholeNumber("Priority", draft.priority) ?? 0,
    idempotencyKey: draft.idempotencyKey.trim() || key,
    ...(startAt && { startAt }),
    ...(deadline && { deadline }),
    tasks: {
      specs: [
        {
          identifier: { name: task },
          ...(maxAttempts !== undefined && { retry: { maxAttempts } }),
          ...(attemptTimeout && { attemptTimeout }),
          ...(queueTimeout && { queueTimeout }),
        },
      ],
      groups: [{ inputs: [input(draft.input)], specs: [0] }],
    },
  };
}

function input(text: string): Uint8Array {
  try {
    return payloadBytes(text);
  } catch (error) {
    throw new DraftProblem(`The input is no JSON: ${(error as Error).message}`);
  }
}

function duration(field: string, text: string) {
  if (text.trim() === "") return undefined;
  const ms = parseDuration(text);
  if (ms === undefined) throw new DraftProblem(`${field} “${text}” is no length of time, such as 30s or 1h 30m.`);
  return durationFromMs(ms);
}

function wholeNumber(field: string, text: string): number | undefined {
  if (text.trim() === "") return undefined;
  if (!/^-?\d{1,9}$/.test(text.trim())) throw new DraftProblem(`${field} “${text}” is no whole number.`);
  return Number(text);
}

function time(field: string, text: string) {
  if (text === "") return undefined;
  const ms = new Date(text).getTime();
  if (Number.isNaN(ms)) throw new DraftProblem(`${field} “${text}” is no time.`);
  return timestampFromUs(ms * 1_000);
}
