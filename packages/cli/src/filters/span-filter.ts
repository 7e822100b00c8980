import { type Outcome, outcomes, type SpanTypeName, spanTypes } from "@spanloom/protocol";
import {
  type SpanConditions,
  type SpanKindName,
  type SpanStatusName,
  type TextCondition,
  textCondition,
} from "@spanloom/query";
import type { Command } from "commander";
import { UsageError } from "../cli-context.ts";
import { oneOfList } from "../flag-values.ts";
import { parseDuration } from "../text/duration-text.ts";
import { append, appendList, textForms } from "./filter-values.ts";
import { addSharedFilterOptions, type SharedFilterFlags, sharedConditions } from "./shared-filter.ts";

const statuses: readonly SpanStatusName[] = ["UNSET", "OK", "ERROR"];
const kinds: readonly SpanKindName[] = ["INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER", "UNSPECIFIED"];

/** Flags of conditions on spans. */
export interface SpanFilterFlags extends SharedFilterFlags {
  type?: SpanTypeName[];
  status?: SpanStatusName[];
  outcome?: Outcome[];
  kind?: SpanKindName[];
  name?: TextCondition[];
  parent?: string[];
  queue?: string[];
  event?: TextCondition;
  exception?: TextCondition;
  minDuration?: string;
  maxDuration?: string;
  open?: boolean;
  ended?: boolean;
}

/** Adds the options that {@link spanConditions} reads. */
export function addSpanFilterOptions(command: Command): Command {
  const oneOf = <Name extends string>(flag: string, known: readonly Name[]) =>
    [`only these, separated by commas: ${known.join(", ")}`, oneOfList(flag, known)] as const;
  command
    .option("--type <types>", ...oneOf("--type", spanTypes))
    .option("--status <statuses>", ...oneOf("--status", statuses))
    .option("--outcome <outcomes>", ...oneOf("--outcome", outcomes))
    .option("--name <text>", `its name: ${textForms}; any, if repeated`, append(textCondition))
    .option("--min-duration <duration>", "only spans that lasted at least so long, e.g. 500ms")
    .option("--max-duration <duration>", "only spans that lasted at most so long");
  addSharedFilterOptions(command, "spans");
  return command
    .option("--queue <queues>", "only tasks and attempts of these queues, separated by commas", appendList)
    .option("--kind <kinds>", ...oneOf("--kind", kinds))
    .option("--parent <ids>", "only children of these spans, separated by commas", appendList)
    .option("--event <text>", "only spans with an event of such a name, written as for --name", textCondition)
    .option("--exception <text>", "only spans with an exception of such a type or message", textCondition)
    .option("--open", "only spans that have not ended")
    .option("--ended", "only spans that have ended");
}

/** Conditions on spans, of jobs if any are named. Errors: UsageError. */
export function spanConditions(flags: SpanFilterFlags, jobs: readonly string[], nowMs: number): SpanConditions {
  const { type, status, outcome, kind, name, parent, queue, event, exception, open, ended } = flags;
  if (open && ended) throw new UsageError("cannot use --open with --ended: no span is both");
  const durationMs = durationRange(flags);
  return {
    ...sharedConditions(flags, jobs, nowMs),
    ...(type && { type }),
    ...(status && { status }),
    ...(outcome && { outcome }),
    ...(kind && { kind }),
    ...(name && { name }),
    ...(parent && { parent }),
    ...(queue && { queue }),
    ...(event !== undefined && { event }),
    ...(exception !== undefined && { exception }),
    ...(durationMs && { durationMs }),
    ...((open || ended) && { open: open === true }),
  };
}

function durationRange({ minDuration, maxDuration }: SpanFilterFlags) {
  if (minDuration === undefined && maxDuration === undefined) return undefined;
  return {
    ...(minDuration !== undefined && { min: parseDuration(minDuration, "--min-duration") }),
    ...(maxDuration !== undefined && { max: parseDuration(maxDuration, "--max-duration") }),
  };
}
