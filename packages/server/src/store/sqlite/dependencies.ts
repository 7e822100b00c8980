import { AttemptOutcome, SpanloomError, TaskState } from "@spanloom/protocol";
import { sameToken } from "../../engine/lease.ts";
import { dependencyCost } from "../../engine/subtree.ts";
import { decodeFailure } from "../cells.ts";
import type { DependencyRecord } from "../store.ts";
import type { Control } from "./control.ts";
import type { SqlRow } from "./database.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import { loadBytes, payloadKinds } from "./payloads.ts";

/** What a lease carries of its dependencies. */
export interface InlineDependencies {
  list: readonly DependencyRecord[];
  /** Whether outputs, and entries past the first thousand, were left out. */
  paged: boolean;
}

/** Entries listed without outputs when outputs do not fit. */
const MAX_BARE_ENTRIES = 1_000;

const NO_BYTES = new Uint8Array(0);

/** Dependencies of a group's tasks, with outputs when all fit in `maxInlineDependencyBytes`. */
export function inlineDependencies(control: Control, group: GroupWork): InlineDependencies {
  const groups = group.dependsOn.map((seq) => control.groups.get(seq));
  let bytes = 0;
  for (const { count, outputBytes } of groups) bytes += dependencyCost(outputBytes, count);
  if (bytes <= control.options.maxInlineDependencyBytes) {
    return {
      list: groups.flatMap((dependency) =>
        readRange(control, dependency, { from: 0, to: dependency.count, withOutputs: true }),
      ),
      paged: false,
    };
  }
  const list: DependencyRecord[] = [];
  for (const dependency of groups) {
    const left = MAX_BARE_ENTRIES - list.length;
    if (left <= 0) break;
    list.push(...readRange(control, dependency, { from: 0, to: Math.min(left, dependency.count), withOutputs: false }));
  }
  return { list, paged: true };
}

/** Which lease asks, and for what part. */
export interface OutputsRequest {
  lease: { taskId: string; attempt: number; token: Uint8Array };
  range: { offset: number; limit: number; maxBytes: number };
}

/** A page of the outputs of a leased task's dependencies. Errors: STALE_LEASE. */
export function dependencyOutputs(
  control: Control,
  { lease, range }: OutputsRequest,
): { dependencies: readonly DependencyRecord[]; nextOffset: number | undefined } {
  const work = control.running.get(lease.taskId);
  if (work === undefined || work.attempt !== lease.attempt || !sameToken(work.token, lease.token)) {
    const message = `cannot read dependencies of task ${lease.taskId}: attempt ${lease.attempt} does not hold its lease`;
    throw new SpanloomError("STALE_LEASE", message);
  }
  const group = control.groups.get(work.group);
  const dependencies: DependencyRecord[] = [];
  let skip = range.offset;
  let bytes = 0;
  for (const seq of group.dependsOn) {
    const dependency = control.groups.get(seq);
    if (skip >= dependency.count) {
      skip -= dependency.count;
      continue;
    }
    for (const entry of pagedRange(control, dependency, skip)) {
      bytes += dependencyCost(entry.output.length, 1);
      const full = dependencies.length >= range.limit || (bytes > range.maxBytes && dependencies.length > 0);
      if (full) return { dependencies, nextOffset: range.offset + dependencies.length };
      dependencies.push(entry);
    }
    skip = 0;
  }
  return { dependencies, nextOffset: undefined };
}

const CHUNK = 100;

function* pagedRange(control: Control, group: GroupWork, from: number): Generator<DependencyRecord> {
  for (let at = from; at < group.count; at += CHUNK) {
    yield* readRange(control, group, { from: at, to: Math.min(at + CHUNK, group.count), withOutputs: true });
  }
}

/** Entries of a group by index; `to` is excluded. */
interface EntryRange {
  from: number;
  to: number;
  withOutputs: boolean;
}

function readRange(control: Control, group: GroupWork, { from, to, withOutputs }: EntryRange): DependencyRecord[] {
  const rows = control.db.rows(
    "SELECT seq, spec, state, outcome, failure, output FROM task WHERE seq BETWEEN ? AND ? ORDER BY seq",
    group.first + from,
    group.first + to - 1,
  );
  return rows.map((row) => toDependency(control, group, row, withOutputs));
}

function toDependency(control: Control, group: GroupWork, row: SqlRow, withOutputs: boolean): DependencyRecord {
  const [seq, spec, state, outcome, failure, output] = row as [number, number, TaskState, AttemptOutcome, never, never];
  const succeeded = state === TaskState.SUCCEEDED && outcome === AttemptOutcome.SUCCESS;
  const decoded = decodeFailure(failure);
  return {
    taskId: taskIdOf(group, seq),
    name: control.specs.get(spec).name,
    state,
    output: succeeded && withOutputs ? loadBytes(control.db, seq, payloadKinds.output, output) : NO_BYTES,
    ...(decoded !== undefined && { failure: decoded }),
  };
}
