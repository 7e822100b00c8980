import type { Job } from "@spanloom/protocol";
import type { PathSegment } from "@spanloom/query";
import { useState } from "react";
import { Link } from "wouter";
import { query } from "../rpc/query.ts";
import { usePoll } from "../rpc/use-poll.ts";
import { durationText } from "../text/duration-text.ts";
import { isEnded } from "../text/job-states.ts";
import { shareText } from "../text/share-text.ts";
import { EmptyState, ErrorState, LoadingRows } from "../widgets/notice.tsx";
import { PathNames } from "./path-names.tsx";
import { kindTexts, partsByKind, pathNs, stripOf } from "./path-parts.ts";
import { PathSteps } from "./path-steps.tsx";
import { readPath } from "./read-path.ts";

const LIVE_MS = 3_000;
const ENDED_MS = 60_000;

/** What decided how long a job took, or has taken so far. */
export function CriticalPathView({ job }: { job: Job }) {
  const [userSpans, setUserSpans] = useState(false);
  const ended = isEnded(job.state);
  const key = `path of ${job.id} ${userSpans} ${ended} ${job.retriedAt?.seconds}`;
  const { data, error, refresh } = usePoll(key, ended ? ENDED_MS : LIVE_MS, (signal) =>
    readPath(query, { jobId: job.id, userSpans, signal }),
  );
  if (!data) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  if (data.length === 0) {
    return (
      <EmptyState title="No time to explain yet">
        <p>The job has taken none. Once its tasks wait and run, the path through them is here.</p>
      </EmptyState>
    );
  }
  return (
    <section className="path" aria-label="Critical path">
      <div className="view-bar">
        <p>
          <strong>{durationText(pathNs(data) / 1e6)}</strong>{" "}
          <span className="quiet">
            {ended ? "from submission to the end" : "so far"}: each moment is told once, with what the job waited for
            then. Shorten a step here and the job ends sooner.
          </span>
        </p>
        <label className="choice">
          <input type="checkbox" checked={userSpans} onChange={({ target }) => setUserSpans(target.checked)} />
          into the spans of the code
        </label>
        <Link href={`/jobs/${job.id}/waterfall?path=1`} className="button">
          Show in the waterfall
        </Link>
      </div>
      <Strip segments={data} />
      <PathNames segments={data} jobId={job.id} />
      <PathSteps segments={data} jobId={job.id} />
    </section>
  );
}

/** Columns of the strip; more could not be told apart. */
const COLUMNS = 400;

/** The whole path as one bar, and how much of it is of which kind. */
function Strip({ segments }: { segments: readonly PathSegment[] }) {
  const total = pathNs(segments);
  const kinds = partsByKind(segments);
  const text = kinds.map(({ kind, ns }) => `${kind} ${shareText(ns, total)}`).join(", ");
  return (
    <>
      <div className="path-strip" role="img" aria-label={`Where the time went: ${text}`}>
        {stripOf(segments, COLUMNS).map(({ kind, from, to }) => (
          <span key={from} className={`kind-${kind}`} style={{ flexGrow: to - from }} />
        ))}
      </div>
      <ul className="legend" aria-label="Kinds of time">
        {kinds.map(({ kind, ns }) => (
          <li key={kind} title={kindTexts[kind]}>
            <span className={`legend-mark kind-${kind}`} aria-hidden="true" /> {kind}{" "}
            <strong>{durationText(ns / 1e6)}</strong> <span className="quiet">{shareText(ns, total)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}
