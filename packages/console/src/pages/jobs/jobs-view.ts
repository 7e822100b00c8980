import { create } from "@bufbuild/protobuf";
import { type JobFilter, JobFilterSchema, timestampFromUs } from "@spanloom/protocol";
import { type JobStateName, jobStates } from "../../text/job-states.ts";
import { periods } from "../../text/periods.ts";
import { formatTags, parseTags } from "../../text/tag-list.ts";
import { triggerTypes } from "../../text/trigger-types.ts";

/** Which jobs the page shows: all of it stands in the URL, so that a link shows the same to another. */
export interface JobsView {
  states: readonly JobStateName[];
  name: string;
  tags: Readonly<Record<string, string>>;
  queue: string;
  runner: string;
  /** What set them going, by name; empty means anything. */
  from: string;
  schedule: string;
  trigger: string;
  /** Name of a period up to now; empty means ever. */
  period: string;
  /** Text that rows on the page are searched for. */
  search: string;
  /** Token of the page; empty is the first. */
  page: string;
  /**
   * Where the period began when the first page was got, in milliseconds: a page after it goes on with the same
   * conditions, or the server takes no token of them. Empty on the first page.
   */
  anchor: string;
}

/** Fields that are a text in the URL as they are in the view. */
const texts = ["name", "queue", "runner", "from", "schedule", "trigger", "period", "search", "page", "anchor"] as const;

/** The view of a URL's query; what it does not know it leaves out. */
export function parseJobsView(query: string): JobsView {
  const search = new URLSearchParams(query);
  const named = (search.get("state") ?? "").split(",");
  const fields = Object.fromEntries(texts.map((key) => [key, search.get(key) ?? ""]));
  return {
    ...(fields as Record<(typeof texts)[number], string>),
    states: jobStates.map(({ name }) => name).filter((name) => named.includes(name)),
    tags: parseTags(search.get("tags") ?? ""),
  };
}

/** The query of a view, without `?`; only what differs from the view of all jobs. */
export function formatJobsView(view: JobsView): string {
  const search = new URLSearchParams();
  if (view.states.length > 0) search.set("state", view.states.join(","));
  const tags = formatTags(view.tags);
  if (tags !== "") search.set("tags", tags);
  for (const key of texts) if (view[key] !== "") search.set(key, view[key]);
  return search.toString();
}

/** Whether a view shows some jobs and not others. */
export function isFiltered(view: JobsView): boolean {
  return formatJobsView({ ...view, page: "", anchor: "" }) !== "";
}

/** Length of the view's period; undefined when it has none. */
export function periodMs({ period }: Pick<JobsView, "period">): number | undefined {
  return periods.find(({ name }) => name === period)?.ms;
}

/** From when on jobs of the view were submitted; undefined when it is of all times. */
export function fromMs(view: JobsView, nowMs: number): number | undefined {
  if (/^\d{1,15}$/.test(view.anchor)) return Number(view.anchor);
  const period = periodMs(view);
  return period === undefined ? undefined : nowMs - period;
}

/** The conditions of a view, without its period. */
export function toJobFilter(view: JobsView): JobFilter {
  return create(JobFilterSchema, {
    states: jobStates.filter(({ name }) => view.states.includes(name)).map(({ state }) => state),
    name: view.name,
    tags: { ...view.tags },
    queue: view.queue,
    runnerId: view.runner,
    triggerTypes: triggerTypes.filter(({ name }) => name === view.from).map(({ type }) => type),
    schedule: view.schedule,
    trigger: view.trigger,
  });
}

/** The conditions with a time from which jobs were submitted, and one up to which. */
export function withTimes(filter: JobFilter, fromMs: number | undefined, toMs?: number): JobFilter {
  const after = timestampFromUs(fromMs === undefined ? undefined : fromMs * 1_000);
  const before = timestampFromUs(toMs === undefined ? undefined : toMs * 1_000);
  return create(JobFilterSchema, {
    ...filter,
    ...(after && { createdAfter: after }),
    ...(before && { createdBefore: before }),
  });
}
