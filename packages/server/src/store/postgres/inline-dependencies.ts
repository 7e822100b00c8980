import { AttemptOutcome, TaskState } from "@spanloom/protocol";
import { decodeFailure } from "../cells.ts";
import type { DependencyRecord } from "../store.ts";
import { numbers } from "./bulk.ts";
import type { Control } from "./control.ts";
import { type GroupWork, taskIdOf } from "./groups.ts";
import { statement } from "./statement.ts";
import type { SqlRow } from "./writer.ts";

/** What a lease carries of its dependencies. */
export interface InlineDependencies {
  list: readonly DependencyRecord[];
  /** Whether outputs, and entries past the first thousand, were left out. */
  paged: boolean;
}

/** Entries listed without outputs when outputs do not fit. */
const MAX_BARE_ENTRIES = 1_000;

const NO_BYTES = new Uint8Array(0);

const dependencyColumns = "t.task_group, t.seq, t.spec, t.state, t.outcome, t.failure";
const dependenciesWithOutputs = statement(
  "dependencies_with_outputs",
  `SELECT ${dependencyColumns}, t.output FROM unnest($1::bigint[]) AS u (seq) JOIN task_group g ON g.seq = u.seq
   JOIN task t ON t.seq BETWEEN g.first AND g.first + g.count - 1 ORDER BY t.seq`,
);
const dependenciesBare = statement(
  "dependencies_bare",
  `SELECT ${dependencyColumns}, NULL FROM unnest($1::bigint[]) AS u (seq) JOIN task_group g ON g.seq = u.seq
   JOIN task t ON t.seq BETWEEN g.first AND g.first + least(g.count, ${MAX_BARE_ENTRIES}) - 1 ORDER BY t.seq`,
);

/** Dependencies of the tasks of groups, by group, with outputs when all fit in `maxInlineDependencyBytes`. */
export async function inlineDependencies(
  control: Control,
  groups: readonly GroupWork[],
): Promise<ReadonlyMap<number, InlineDependencies>> {
  const waiting = [...new Set(groups)].filter(({ dependsOn }) => dependsOn.length > 0);
  if (waiting.length === 0) return new Map();
  const fits = (group: GroupWork) => group.dependencyBytes <= control.options.maxInlineDependencyBytes;
  const whole = new Set(waiting.filter(fits).flatMap(({ dependsOn }) => dependsOn));
  const bare = new Set(waiting.filter((group) => !fits(group)).flatMap(({ dependsOn }) => dependsOn));
  const [wholeRows, bareRows] = await Promise.all([
    whole.size === 0 ? [] : control.sql.ask(dependenciesWithOutputs, [numbers(whole)]),
    bare.size === 0 ? [] : control.sql.ask(dependenciesBare, [numbers(bare)]),
    control.groups.load([...whole, ...bare]),
  ]);
  await control.specs.load([...wholeRows, ...bareRows].map((row) => row[2] as number));
  const wholeLists = byGroup(control, wholeRows);
  const bareLists = byGroup(control, bareRows);
  const found = new Map<number, InlineDependencies>();
  for (const group of waiting) {
    const paged = !fits(group);
    const lists = paged ? bareLists : wholeLists;
    const list = group.dependsOn.flatMap((seq) => lists.get(seq) ?? []);
    found.set(group.seq, { list: paged ? list.slice(0, MAX_BARE_ENTRIES) : list, paged });
  }
  return found;
}

function byGroup(control: Control, rows: readonly SqlRow[]): Map<number, DependencyRecord[]> {
  const lists = new Map<number, DependencyRecord[]>();
  for (const row of rows) {
    const group = control.groups.get(row[0] as number);
    const list = lists.get(group.seq);
    const record = toDependency(control, group, row);
    if (list === undefined) lists.set(group.seq, [record]);
    else list.push(record);
  }
  return lists;
}

function toDependency(control: Control, group: GroupWork, row: SqlRow): DependencyRecord {
  const [, seq, spec, state, outcome] = row as number[];
  const succeeded = state === TaskState.SUCCEEDED && outcome === AttemptOutcome.SUCCESS;
  const failure = decodeFailure(row[5] as string | null);
  return {
    taskId: taskIdOf(group, seq!),
    name: control.specs.get(spec!).name,
    state: state as TaskState,
    output: succeeded ? ((row[6] as Uint8Array | null) ?? NO_BYTES) : NO_BYTES,
    ...(failure !== undefined && { failure }),
  };
}
