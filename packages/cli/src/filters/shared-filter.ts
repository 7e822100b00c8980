import type { AttributeConditions, TimeCondition, TriggerCondition, TriggerTypeName } from "@spanloom/query";
import type { Command } from "commander";
import { oneOfList } from "../flag-values.ts";
import { append, appendList, attributeCondition, attributeForms, timePoint } from "./filter-values.ts";

const triggerTypes: readonly TriggerTypeName[] = ["manual", "schedule", "event", "webhook", "clone"];

/** Flags of conditions that spans and log records share. */
export interface SharedFilterFlags {
  task?: string[];
  trace?: string[];
  span?: string[];
  runner?: string[];
  service?: string[];
  since?: string;
  until?: string;
  attr?: AttributeConditions[];
  resource?: AttributeConditions[];
  triggeredBy?: TriggerTypeName[];
  schedule?: string[];
  trigger?: string[];
}

/** Adds the options that {@link sharedConditions} reads. `what` names the rows: `spans`. */
export function addSharedFilterOptions(command: Command, what: string): Command {
  const only = (of: string) => `only ${what} of ${of}, separated by commas`;
  return command
    .option("--since <time>", `only ${what} from this time on: ISO 8601, or 2h for 2 h ago`)
    .option("--until <time>", `only ${what} before this time`)
    .option("--task <ids>", only("these tasks"), appendList)
    .option("--trace <ids>", only("these traces"), appendList)
    .option(
      "--span <ids>",
      what === "spans" ? "only these spans, separated by commas" : only("these spans"),
      appendList,
    )
    .option("--runner <ids>", only("these runners"), appendList)
    .option("--service <names>", only("these services"), appendList)
    .option("--attr <condition>", `${attributeForms}; may be repeated`, append(attributeCondition("--attr")))
    .option(
      "--resource <condition>",
      "as --attr, on attributes of the resource",
      append(attributeCondition("--resource")),
    )
    .option(
      "--triggered-by <types>",
      `only ${what} of jobs set going by: ${triggerTypes.join(", ")}`,
      oneOfList("--triggered-by", triggerTypes),
    )
    .option("--schedule <names>", only("jobs of these schedules"), appendList)
    .option("--trigger <names>", only("jobs of these triggers"), appendList);
}

/** Conditions that spans and log records share, of jobs if any are named. Errors: UsageError. */
export function sharedConditions(flags: SharedFilterFlags, jobs: readonly string[], nowMs: number) {
  const { task, trace, span, runner, service } = flags;
  const start = timeRange(flags, nowMs);
  const trigger = triggerCondition(flags);
  return {
    ...(jobs.length > 0 && { job: jobs }),
    ...(task && { task }),
    ...(trace && { trace }),
    ...(span && { span }),
    ...(runner && { runner }),
    ...(service && { service }),
    ...(start && { start }),
    ...(trigger && { trigger }),
    // Each is a condition of its own, so that one attribute may have several.
    and: [
      ...(flags.attr ?? []).map((attributes) => ({ attributes })),
      ...(flags.resource ?? []).map((resource) => ({ resource })),
    ],
  };
}

function timeRange({ since, until }: SharedFilterFlags, nowMs: number): TimeCondition | undefined {
  if (since === undefined && until === undefined) return undefined;
  return {
    ...(since !== undefined && { from: timePoint(since, "--since", nowMs) }),
    ...(until !== undefined && { to: timePoint(until, "--until", nowMs) }),
  };
}

function triggerCondition({ triggeredBy, schedule, trigger }: SharedFilterFlags): TriggerCondition | undefined {
  if (!triggeredBy && !schedule && !trigger) return undefined;
  return { ...(triggeredBy && { type: triggeredBy }), ...(schedule && { schedule }), ...(trigger && { trigger }) };
}
