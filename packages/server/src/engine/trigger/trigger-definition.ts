import { create } from "@bufbuild/protobuf";
import { type Limits, type PutTriggerRequest, PutTriggerRequestSchema, TraceMode } from "@spanloom/protocol";
import type { NewTaskSet } from "../../store/store.ts";
import { boundedText, invalidField, requiredText } from "../field.ts";
import { quote } from "../version.ts";
import { compileFilter, compileMapping } from "./event-filter.ts";
import { canonicalJob, type JobTemplate, readJobTemplate } from "./job-template.ts";
import { checkKeyPattern, mayMatch } from "./key-pattern.ts";
import { readKeepFirings } from "./schedule-definition.ts";

/** A trigger's definition, read and checked. */
export interface TriggerDefinition {
  name: string;
  description: string;
  keyPattern: string;
  /** An expression that compiles; empty for every event of a key that matches. */
  filter: string;
  /** An expression that compiles, and makes the input; empty for the event's payload as it is. */
  input: string;
  template: JobTemplate;
  /** Tasks whose input is made from the event. */
  inputTasks: readonly TaskPlace[];
  /** Whether a job continues its publisher's trace; else it starts one of its own, with a link. */
  isChild: boolean;
  keepFirings: number;
}

/** A task of a template: a group, and its place in it. */
export interface TaskPlace {
  group: number;
  at: number;
}

/** What stands for no task at all. */
const NO_TASK = "-";
/** What the keys of events of jobs' lives begin with. */
const JOB_EVENTS = "spanloom.job.";
/** Names that a message lists. */
const MAX_NAMES = 10;

/**
 * Reads a trigger's definition. Its expressions are compiled to see that they are some, and run elsewhere.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED, INVALID_DEPENDENCY, naming the field: of an `input_task` that the template has not
 * with the names that it has.
 * Source: proto/spanloom/v1/trigger_service.proto PutTriggerRequest.
 */
export function readTrigger(request: PutTriggerRequest, limits: Limits): TriggerDefinition {
  const { keyPattern, filter, input, inputTask, traceMode } = request;
  checkKeyPattern(keyPattern, "key_pattern");
  if (traceMode !== TraceMode.UNSPECIFIED && traceMode !== TraceMode.CHILD && traceMode !== TraceMode.LINK)
    throw invalidField("trace_mode", `is ${traceMode}, which this server does not know`);
  if (filter !== "") compileFilter(filter, "filter");
  if (input !== "") compileMapping(input, "input");
  const template = readJobTemplate(request.job, limits);
  if (inputTask === NO_TASK && input !== "")
    throw invalidField("input", 'is given, but no task gets it: `input_task` is "-"');
  return {
    name: requiredText("name", request.name, limits.maxNameBytes),
    description: boundedText("description", request.description, limits.maxDescriptionBytes),
    keyPattern,
    filter,
    input,
    template,
    inputTasks: placesOf(template.job.tasks, boundedText("input_task", inputTask, limits.maxNameBytes)),
    isChild: traceMode === TraceMode.CHILD,
    keepFirings: readKeepFirings(request.keepFirings, limits),
  };
}

/** Whether a trigger may take what jobs' lives give as events. */
export function wantsJobEvents({ keyPattern }: Pick<TriggerDefinition, "keyPattern">): boolean {
  return mayMatch(keyPattern, JOB_EVENTS);
}

/**
 * The one request that means what a definition says: the same content always has the same encoding.
 *
 * Whether it is paused is no part of it.
 */
export function canonicalTrigger(request: PutTriggerRequest, { keepFirings }: TriggerDefinition): PutTriggerRequest {
  const { $typeName, $unknown, job, ...fields } = request;
  return create(PutTriggerRequestSchema, {
    ...fields,
    ...(job && { job: canonicalJob(job) }),
    traceMode: request.traceMode || TraceMode.LINK,
    keepFirings,
    paused: false,
  });
}

function placesOf(tasks: NewTaskSet, name: string): TaskPlace[] {
  if (name === NO_TASK) return [];
  const roots = rootsOf(tasks);
  const found = name === "" ? roots : roots.filter((root) => root.name === name);
  const first = found[0];
  if (first !== undefined && (name !== "" || found.length === 1)) return found.map(({ group, at }) => ({ group, at }));
  const names = [...new Set(roots.map((root) => root.name))];
  const shown = names.slice(0, MAX_NAMES).map(quote).join(", ");
  const has = `the job has ${shown}${names.length > MAX_NAMES ? `, and ${names.length - MAX_NAMES} more` : ""}`;
  throw invalidField(
    "input_task",
    name === "" ? `is empty, but the job has ${roots.length} tasks; ${has}` : `is ${quote(name)}, but ${has}`,
  );
}

function rootsOf({ specs, groups }: NewTaskSet): (TaskPlace & { name: string })[] {
  return groups.flatMap(({ inputs, specs: used }, group) =>
    inputs.map((_input, at) => {
      const spec = specs[(used.length === 1 ? used[0] : used[at]) ?? 0];
      return { group, at, name: spec?.name ?? "" };
    }),
  );
}
