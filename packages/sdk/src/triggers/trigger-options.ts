import { create } from "@bufbuild/protobuf";
import {
  type PutTriggerRequest,
  PutTriggerRequestSchema,
  SpanloomError,
  TraceMode,
  type Trigger,
} from "@spanloom/protocol";
import { checkRange } from "../retry.ts";
import { type TemplateOptions, type TemplateRoots, type TemplateTask, toTemplate } from "./job-template.ts";

/** Which events a trigger takes, and how it behaves. */
export interface TriggerBehavior {
  /** Name, 1..256 bytes: the same name again changes the trigger. */
  name: string;
  /** What it is for, at most 4 KiB. */
  description?: string;
  /** Keys of events that it takes: segments parted by dots, `*` for any one, `**` for one or more, e.g. `order.*`. */
  on: string;
  /** Condition in the Common Expression Language over `event`, e.g. `event.payload.amount > 100`. Default: all. */
  when?: string;
  /** Whether its jobs' spans are children of the publisher's, or start traces of their own linked to it. Default `link`. */
  traceMode?: "child" | "link";
  /** How many firings are kept, 1..10,000. Default 100. */
  keepFirings?: number;
  /** Make it so that it does not fire. Of one that is there, `put` leaves as it is whether it is paused. */
  paused?: boolean;
}

/** One root task, whose input comes from the event or is the same for all. */
export type TriggeredTask<Input> = TemplateTask<Input> & { inputTask?: never } & (
    | {
        /** Its input as an expression over `event`, e.g. `{"id": event.payload.id}`. Default: the payload as it is. */
        input?: string;
        fixedInput?: never;
      }
    | {
        /** The same input for every event. */
        fixedInput: NoInfer<Input>;
        input?: never;
      }
  );

/** Several root tasks, one of which may get its input from the event. */
export interface TriggeredRoots extends TemplateRoots {
  /** Name of the root that gets the input; false: none, all keep their own. May be left out with one root. */
  inputTask?: string | false;
  /** Its input as an expression over `event`. Default: the payload as it is. */
  input?: string;
  fixedInput?: never;
}

/** A trigger to make or change: name, events, what it submits and how it behaves. */
export type TriggerOptions<Input> = TriggerBehavior & TemplateOptions & (TriggeredTask<Input> | TriggeredRoots);

/** The request that makes or changes a trigger. Errors: INVALID_FIELD naming the field. */
export function toPutTrigger<Input>(options: TriggerOptions<Input>): PutTriggerRequest {
  const { name, description = "", on, when = "", input = "", fixedInput, keepFirings = 0, paused = false } = options;
  const owner = `cannot put trigger "${name}"`;
  checkRange(options.keepFirings, [1, 10_000], { owner, field: "keepFirings", whole: true });
  for (const [field, value] of Object.entries({ on, when, input })) checkText(value, { owner, field });
  const isFixed = "fixedInput" in options && fixedInput !== undefined;
  if (isFixed && input !== "") {
    const message = `${owner}: both input and fixedInput are given, must be at most one`;
    throw new SpanloomError("INVALID_FIELD", message, { field: "fixedInput" });
  }
  const { inputTask = isFixed ? false : "" } = options;
  return create(PutTriggerRequestSchema, {
    ...{ name, description, keyPattern: on, filter: when, input, keepFirings, paused },
    inputTask: inputTask === false ? NO_TASK : inputTask,
    job: toTemplate({ ...options, input: fixedInput, options }, { name, owner }),
    traceMode: options.traceMode === "child" ? TraceMode.CHILD : TraceMode.LINK,
  });
}

/** The request that would make a trigger as it stands. */
export function toPutTriggerOf(trigger: Trigger): PutTriggerRequest {
  const { name, description, keyPattern, filter, job, input, inputTask, traceMode, keepFirings, paused } = trigger;
  return create(PutTriggerRequestSchema, {
    ...{ name, description, keyPattern, filter, input, inputTask, traceMode, keepFirings, paused },
    ...(job && { job }),
  });
}

/** Name that stands for no root task. */
export const NO_TASK = "-";

function checkText(value: unknown, { owner, field }: { owner: string; field: string }): void {
  if (typeof value === "string") return;
  const message = `${owner}: ${field} is a ${typeof value}, must be a text`;
  throw new SpanloomError("INVALID_FIELD", message, { field });
}
