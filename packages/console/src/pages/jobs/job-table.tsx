import type { Job } from "@spanloom/protocol";
import type { ReactNode } from "react";
import { Link } from "wouter";
import { shortId } from "../../text/short-id.ts";
import { triggerTypeName } from "../../text/trigger-types.ts";
import { CountsBar } from "../../widgets/counts-bar.tsx";
import { StateBadge } from "../../widgets/state-badge.tsx";
import { Duration, RelativeTime } from "../../widgets/time.tsx";
import type { JobsView } from "./jobs-view.ts";

interface JobTableProps {
  jobs: readonly Job[];
  search: string;
  /** Ids of the chosen ones. */
  chosen: ReadonlySet<string>;
  onChoose: (chosen: ReadonlySet<string>) => void;
  onShow: (change: Partial<JobsView>) => void;
}

/** A page of jobs, a row each. */
export function JobTable({ jobs, search, chosen, onChoose, onShow }: JobTableProps) {
  const shown = jobs.filter((job) => matches(job, search));
  if (shown.length === 0) return <p className="quiet padded">No job on this page has “{search}” in it.</p>;
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keys.
    <section className="table-frame" aria-label="Jobs" tabIndex={0}>
      <table className="table">
        <thead>
          <tr>
            <th scope="col">
              <ChooseAll ids={shown.map(({ id }) => id)} {...{ chosen, onChoose }} />
            </th>
            <th scope="col">State</th>
            <th scope="col">Name</th>
            <th scope="col">Job</th>
            <th scope="col">Tasks</th>
            <th scope="col">Queue</th>
            <th scope="col">Trigger</th>
            <th scope="col">Submitted</th>
            <th scope="col" className="number">
              Took
            </th>
          </tr>
        </thead>
        <tbody>
          {shown.map((job) => (
            <JobRow key={job.id} job={job} onShow={onShow}>
              <input
                type="checkbox"
                aria-label={`Choose ${job.name} ${shortId(job.id)}`}
                checked={chosen.has(job.id)}
                onChange={() => onChoose(toggled(chosen, job.id))}
              />
            </JobRow>
          ))}
        </tbody>
      </table>
    </section>
  );
}

/** The ids with one more, or without it if it was among them. */
function toggled(ids: ReadonlySet<string>, id: string): ReadonlySet<string> {
  return ids.has(id) ? new Set([...ids].filter((each) => each !== id)) : new Set([...ids, id]);
}

function ChooseAll({ ids, chosen, onChoose }: { ids: readonly string[] } & Pick<JobTableProps, "chosen" | "onChoose">) {
  const all = ids.every((id) => chosen.has(id));
  return (
    <input
      type="checkbox"
      aria-label={all ? "Choose none" : "Choose all that are shown"}
      checked={all}
      ref={(box) => {
        if (box) box.indeterminate = !all && chosen.size > 0;
      }}
      onChange={() => onChoose(new Set(all ? [] : ids))}
    />
  );
}

interface JobRowProps {
  job: Job;
  onShow: JobTableProps["onShow"];
  /** What chooses it. */
  children: ReactNode;
}

function JobRow({ job, onShow, children }: JobRowProps) {
  return (
    <tr>
      <td>{children}</td>
      <td>
        <StateBadge state={job.state} />
      </td>
      <td className="wide">
        <Link href={`/jobs/${job.id}`} className="row-link">
          {job.name}
        </Link>
        <TagList tags={job.tags} onChoose={(tags) => onShow({ tags })} />
      </td>
      <td className="mono quiet" title={job.id}>
        {shortId(job.id)}
      </td>
      <td>
        <CountsBar counts={job.counts} />
      </td>
      <td className="clip-short" title={job.queue}>
        {job.queue}
      </td>
      <td className="clip-short" title={triggerText(job)}>
        {triggerText(job)}
      </td>
      <td>
        <RelativeTime at={job.createdAt} />
      </td>
      <td className="number">
        <Duration from={job.startedAt} to={job.endedAt} />
      </td>
    </tr>
  );
}

/** What set a job going, with the name of it where it has one. */
export function triggerText({ trigger }: Pick<Job, "trigger">): string {
  const name = trigger?.schedule || trigger?.trigger;
  return `${triggerTypeName(trigger?.type)}${name ? ` ${name}` : ""}`;
}

/** Tags; a press on one shows the jobs that have it. */
export function TagList({
  tags,
  onChoose,
}: {
  tags: Readonly<Record<string, string>>;
  onChoose: (tags: Record<string, string>) => void;
}) {
  return Object.entries(tags).map(([key, value]) => (
    <button
      key={key}
      type="button"
      className="tag"
      title={`Show jobs with ${key}=${value}`}
      onClick={() => onChoose({ [key]: value })}
    >
      <span className="tag-key">{key}</span> {value}
    </button>
  ));
}

/** Whether a job's name, id, queue or tags have a text in them; case does not count. */
export function matches(
  { name, id, queue, tags }: Pick<Job, "name" | "id" | "queue" | "tags">,
  search: string,
): boolean {
  const wanted = search.trim().toLowerCase();
  const texts = [name, id, queue, ...Object.entries(tags).map(([key, value]) => `${key}=${value}`)];
  return wanted === "" || texts.some((text) => text.toLowerCase().includes(wanted));
}
