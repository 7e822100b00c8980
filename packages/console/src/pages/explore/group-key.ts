import type { GroupKeyInput } from "@spanloom/query";
import { attributeText } from "./condition-text.ts";
import { type ExploreView, formatList, parseList } from "./explore-view.ts";

/** What spans can be grouped by. */
export interface GroupKey {
  /** As it stands in the URL: a column, or `@` and an attribute. */
  text: string;
  label: string;
  /** For the query. */
  input: GroupKeyInput;
  /** The column of the answer. */
  column: string;
}

/** Columns to group by that a condition of the page answers to. */
const fields: Readonly<Record<string, { label: string; narrows: keyof ExploreView }>> = {
  name: { label: "Name", narrows: "name" },
  type: { label: "Type", narrows: "type" },
  status: { label: "Status", narrows: "status" },
  outcome: { label: "Outcome", narrows: "outcome" },
  queue: { label: "Queue", narrows: "queue" },
  runner_id: { label: "Runner", narrows: "runner" },
  service_name: { label: "Service", narrows: "service" },
  job_id: { label: "Job", narrows: "job" },
};

/** Columns that say what an attribute of every span of a job says. */
const attributeFields: Readonly<Record<string, { label: string; attribute: string }>> = {
  job_name: { label: "Job name", attribute: "spanloom.job.name" },
  task_name: { label: "Task name", attribute: "spanloom.task.name" },
  task_version: { label: "Task version", attribute: "spanloom.task.version" },
};

/** Columns to choose from, beside attributes. */
export const groupColumns: readonly { text: string; label: string }[] = Object.entries({
  ...fields,
  ...attributeFields,
}).map(([text, { label }]) => ({ text, label }));

/** Most keys at a time: more make rows that nobody reads. */
export const MOST_KEYS = 4;

/** The keys of a view; what is no column is left out. */
export function groupKeys({ group }: Pick<ExploreView, "group">): GroupKey[] {
  const texts = [...new Set(parseList(group))];
  return texts.flatMap((text, at) => groupKey(text, at) ?? []).slice(0, MOST_KEYS);
}

function groupKey(text: string, at: number): GroupKey | undefined {
  if (text.startsWith("@")) {
    const attribute = text.slice(1);
    if (attribute === "") return undefined;
    const column = namesColumn(attribute) ? attribute : `attribute_${at + 1}`;
    return { text, label: attribute, input: { attribute, as: column }, column };
  }
  const field = fields[text] ?? attributeFields[text];
  return field && { text, label: field.label, input: text as "name", column: text };
}

/** Whether an attribute's key can be the name of a column, beside those there are. */
function namesColumn(key: string): boolean {
  return /^[\w.:/-]{1,128}$/.test(key) && key.includes(".");
}

/** The value of a key in one group; null where spans have none. */
export type GroupValue = string | null;

/** What to change in a view so that it shows one group alone; undefined where no condition can tell it from others. */
export function narrowTo(
  view: ExploreView,
  keys: readonly GroupKey[],
  values: readonly GroupValue[],
): Partial<ExploreView> | undefined {
  let narrowed = view;
  for (const [at, key] of keys.entries()) {
    const change = narrowByKey(narrowed, key, values[at] ?? null);
    if (!change) return undefined;
    narrowed = { ...narrowed, ...change };
  }
  const changed = Object.entries(narrowed).filter(([field, text]) => view[field as keyof ExploreView] !== text);
  return Object.fromEntries(changed);
}

function narrowByKey(view: ExploreView, { text }: GroupKey, value: GroupValue): Partial<ExploreView> | undefined {
  const field = fields[text];
  if (!field) {
    const attribute = attributeFields[text]?.attribute ?? text.slice(1);
    const absent = value === null || (value === "" && !text.startsWith("@"));
    return { attributes: withPart(view.attributes, attributeText(attribute, absent ? null : value)) };
  }
  if (field.narrows === "name") return { name: `=${value ?? ""}` };
  // Only queues and runners may be asked for by having none.
  if (value === null || (value === "" && text !== "queue")) return undefined;
  return value.includes(",") ? undefined : { [field.narrows]: formatList([value]) };
}

function withPart(attributes: string, part: string): string {
  return attributes === "" ? part : `${attributes}, ${part}`;
}

/** How a value of a key reads. */
export function groupText(value: GroupValue): string {
  return value === null || value === "" ? "(none)" : value;
}
