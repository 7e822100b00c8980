import type { Job } from "@spanloom/protocol";
import { useEffect, useState } from "react";
import { Link } from "wouter";
import { useJob } from "../../rpc/use-job.ts";
import { isEnded } from "../../text/job-states.ts";
import { CopyButton } from "../../widgets/copy-button.tsx";
import { LazyView, preload } from "../../widgets/lazy-view.tsx";
import { ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { ProgressBar } from "../../widgets/progress-bar.tsx";
import { StateBadge } from "../../widgets/state-badge.tsx";
import { CompareDialog } from "../compare/compare-dialog.tsx";
import { CancelDialog } from "./cancel-dialog.tsx";
import { CloneDialog } from "./clone-dialog.tsx";
import { JobFacts } from "./job-facts.tsx";
import { jobViews, viewOf } from "./job-views.ts";
import { retryJob } from "./retry-job.ts";

/** One job: what it is, what can be done to it, and the ways to look into it. */
export function JobPage({ jobId, view }: { jobId: string; view: string }) {
  const { data: job, error, refresh } = useJob(jobId);
  const { component } = viewOf(view);
  // Its code comes while the job is asked for.
  useEffect(() => preload(component), [component]);
  if (!job) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  // What is done needs no room any more.
  const unfinished = job.progress.filter(({ done, total }) => done < total);
  return (
    <>
      <JobHead job={job} onDone={refresh} />
      {unfinished.length > 0 && (
        <section className="progress-list" aria-label="Progress">
          {unfinished.map(({ label, done, total }) => (
            <ProgressBar key={label} {...{ label, done, total }} />
          ))}
        </section>
      )}
      <JobFacts job={job} />
      <JobViews job={job} chosen={view} />
    </>
  );
}

function JobHead({ job, onDone }: { job: Job; onDone: () => void }) {
  const [asking, setAsking] = useState<"cancel" | "clone" | "compare">();
  const close = () => setAsking(undefined);
  return (
    <header className="page-head job-head">
      <div>
        <p className="crumbs">
          <Link href="/jobs">Jobs</Link> / <span className="mono">{job.id}</span>{" "}
          <CopyButton text={job.id} label="job's id" />
        </p>
        <h1>
          <bdi title={job.name}>{job.name}</bdi> <StateBadge state={job.state} />
        </h1>
      </div>
      <div className="actions">
        {!isEnded(job.state) && (
          <button type="button" className="button" onClick={() => setAsking("cancel")}>
            Cancel
          </button>
        )}
        {isEnded(job.state) && (
          <button type="button" className="button" onClick={() => void retryJob(job.id).then(onDone)}>
            Retry
          </button>
        )}
        <button type="button" className="button" onClick={() => setAsking("clone")}>
          Clone
        </button>
        <button type="button" className="button" onClick={() => setAsking("compare")}>
          Compare with…
        </button>
        <Link href={`/explore?period=all&job=${job.id}`} className="button">
          Explore
        </Link>
      </div>
      {asking === "cancel" && <CancelDialog jobs={[job]} onClose={close} onDone={onDone} />}
      {asking === "clone" && <CloneDialog job={job} onClose={close} />}
      {asking === "compare" && <CompareDialog job={job} onClose={close} />}
    </header>
  );
}

function JobViews({ job, chosen }: { job: Job; chosen: string }) {
  const view = viewOf(chosen);
  return (
    <>
      <nav className="tabs" aria-label="Ways to look into the job">
        {jobViews.map(({ path, label }) => (
          <Link
            key={path}
            href={`/jobs/${job.id}/${path}`}
            className="tab"
            replace
            aria-current={path === view.path ? "page" : undefined}
          >
            {label}
          </Link>
        ))}
      </nav>
      <LazyView of={view.component} props={{ job }} />
    </>
  );
}
