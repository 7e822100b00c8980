import type { Job } from "@spanloom/protocol";
import { useMemo, useState } from "react";
import { isEnded } from "../text/job-states.ts";
import { FindField } from "../widgets/find-field.tsx";
import { EmptyState, LoadingRows } from "../widgets/notice.tsx";
import { FlameChart } from "./flame-chart.tsx";
import { FlameNames } from "./flame-names.tsx";
import type { FlameDrawing } from "./flame-session.ts";
import { type FlameMeasure, flameMeasures } from "./flame-weights.ts";
import { useFlame } from "./use-flame.ts";

/** Where a job's time went by the names of its spans, from the job down to the innermost. */
export function FlameView({ job }: { job: Job }) {
  const { drawing, complete, interrupted, problem, refresh } = useFlame(job);
  if (!drawing || (drawing.spans === 0 && !complete)) {
    return problem === undefined ? <LoadingRows /> : <Problem text={problem} onRetry={refresh} />;
  }
  if (drawing.spans === 0) {
    return (
      <EmptyState title="No spans">
        <p>
          None of this job is stored: it is older than spans are kept, or the server keeps none. The tasks are still
          listed.
        </p>
      </EmptyState>
    );
  }
  return (
    <section className="flame" aria-label="Flame chart">
      {problem !== undefined && <Problem text={problem} onRetry={refresh} />}
      {interrupted !== undefined && <p className="quiet">Interrupted, it goes on by itself: {interrupted}</p>}
      <Chart {...{ job, drawing }} live={!complete && !isEnded(job.state)} />
    </section>
  );
}

function Problem({ text, onRetry }: { text: string; onRetry: () => void }) {
  return (
    <div className="notice notice-bad" role="alert">
      <h2>The spans could not be read</h2>
      <p className="notice-text">{text}</p>
      <button type="button" className="button" onClick={onRetry}>
        Try again
      </button>
    </div>
  );
}

function Chart({ job, drawing, live }: { job: Job; drawing: FlameDrawing; live: boolean }) {
  const [measure, setMeasure] = useState<FlameMeasure>("self");
  const [withWaits, setWithWaits] = useState(false);
  const [find, setFind] = useState("");
  const wanted = find.trim().toLowerCase();
  const found = useMemo(
    () => (wanted === "" ? undefined : drawing.names.map((name) => name.toLowerCase().includes(wanted))),
    [drawing, wanted],
  );
  return (
    <>
      <search className="view-bar">
        <FindField label="Find a name" value={find} onChange={setFind} />
        <fieldset className="switch" aria-label="Width of the frames">
          {flameMeasures.map(({ name, text, hint }) => (
            <button
              key={name}
              type="button"
              className="switch-choice"
              aria-pressed={measure === name}
              title={hint}
              onClick={() => setMeasure(name)}
            >
              {text}
            </button>
          ))}
        </fieldset>
        <label className="choice" title="What tasks waited for others, for a runner and between attempts">
          <input type="checkbox" checked={withWaits} onChange={({ target }) => setWithWaits(target.checked)} />
          with waiting
        </label>
        <span className="quiet view-counts" role="status" data-spans={drawing.spans}>
          {found && `${drawing.sums.filter(({ name }) => found[name]).length.toLocaleString()} of `}
          {drawing.named.toLocaleString()} names, {drawing.spans.toLocaleString()} spans
          {live && ", live"}
        </span>
      </search>
      <FlameChart {...{ job, drawing, measure, withWaits, found }} />
      <FlameNames {...{ job, drawing, withWaits, found }} onFind={setFind} />
    </>
  );
}
