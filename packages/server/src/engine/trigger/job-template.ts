import { create } from "@bufbuild/protobuf";
import {
  type Limits,
  SpanloomError,
  type SubmitJobRequest,
  SubmitJobRequestSchema,
  TraceMode,
} from "@spanloom/protocol";
import type { NewJob, NewTaskSet } from "../../store/store.ts";
import { invalidField } from "../field.ts";
import { toNewJob } from "../submission.ts";

/** What a schedule or trigger submits: a job but for what each firing gives it. */
export interface JobTemplate {
  job: Omit<NewJob, "id" | "startAtUs" | "deadlineUs" | "idempotencyKey" | "requestHash" | "trace" | "trigger">;
  /** How long after its submission a job is to end. */
  deadlineAfterUs?: number;
  /** What one job costs a store: its tasks, and their inputs by the kilobyte. */
  weight: number;
}

/**
 * Reads what a schedule or trigger submits, as a submission is read.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED, INVALID_DEPENDENCY as of a submission, each naming the field below `job`;
 * INVALID_FIELD when the job is absent, or has what each firing gives it: idempotency key, start time or trace.
 */
export function readJobTemplate(request: SubmitJobRequest | undefined, limits: Limits): JobTemplate {
  if (request === undefined) throw invalidField("job", "is absent: it says what is submitted");
  if (request.idempotencyKey !== "") throw invalidField("job.idempotency_key", "is given: each firing has its own");
  if (request.startAt !== undefined) throw invalidField("job.start_at", "is given: a job starts when it is fired");
  if (request.trace !== undefined) throw invalidField("job.trace", "is given: each firing has its own");
  if (request.traceMode === TraceMode.CHILD)
    throw invalidField(
      "job.trace_mode",
      "is CHILD: leave it out, as where a job's trace belongs is not the job's to say",
    );
  const { id, trace, idempotencyKey, requestHash, deadlineUs, startAtUs, trigger, ...job } = belowJob(() =>
    toNewJob(request, { jobId: "", nowUs: 0, limits }),
  );
  return { job, weight: weightOf(job.tasks), ...(deadlineUs !== undefined && { deadlineAfterUs: deadlineUs }) };
}

function weightOf({ groups }: NewTaskSet): number {
  let weight = 0;
  for (const { inputs } of groups) for (const input of inputs) weight += 1 + Math.floor(input.length / 1_024);
  return weight;
}

/** The same job in one encoding: tags in the order of their keys. */
export function canonicalJob(request: SubmitJobRequest): SubmitJobRequest {
  const { $typeName, $unknown, ...fields } = request;
  const tags = Object.fromEntries(Object.entries(request.tags).sort(([a], [b]) => (a < b ? -1 : 1)));
  return create(SubmitJobRequestSchema, { ...fields, tags });
}

/** Runs a check of a submission; the fields that it names lie in `job` here. */
function belowJob<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof SpanloomError) || error.facts.field === undefined) throw error;
    const { reason, message, facts } = error;
    const field = `job.${facts.field}`;
    throw new SpanloomError(reason, message.replace(facts.field ?? "", field), { ...facts, field }, { cause: error });
  }
}
