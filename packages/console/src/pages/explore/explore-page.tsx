import { periods } from "../../text/periods.ts";
import { EmptyState, LoadingRows } from "../../widgets/notice.tsx";
import { askTotals, type Totals } from "./ask-explore.ts";
import { DownloadMenu } from "./download-menu.tsx";
import { ExploreCharts } from "./explore-charts.tsx";
import { ExploreFilters } from "./explore-filters.tsx";
import { isNarrowed } from "./explore-view.ts";
import { GroupsPanel } from "./groups-panel.tsx";
import { HeatPanel } from "./heat-panel.tsx";
import { QueryProblem } from "./query-problem.tsx";
import { SpansPanel } from "./spans-panel.tsx";
import { TotalsRow } from "./totals-row.tsx";
import { type Answer, useAnswer } from "./use-answer.ts";
import { type Explore, refreshes, useExplore } from "./use-explore.ts";

/** Spans of all jobs: measured by group and over time, and looked at one by one. */
export function ExplorePage() {
  const explore = useExplore();
  const { time, key } = explore;
  const totals = useAnswer(time ? key : undefined, (signal) => askTotals(explore.asking(signal)));
  return (
    <>
      <header className="page-head">
        <h1>Explore</h1>
        <div className="explore-actions">
          <button type="button" className="button" onClick={explore.refresh}>
            Refresh
          </button>
          <select
            aria-label="Refresh by itself"
            value={explore.view.every}
            onChange={({ target }) => explore.show({ every: target.value })}
          >
            <option value="">by hand</option>
            {refreshes.map(({ name }) => (
              <option key={name} value={name}>
                every {name}
              </option>
            ))}
          </select>
          <DownloadMenu explore={explore} count={totals.data?.count} />
        </div>
      </header>
      <ExploreFilters explore={explore} />
      <ExploreBody explore={explore} totals={totals} />
    </>
  );
}

function ExploreBody({ explore, totals }: { explore: Explore; totals: Answer<Totals> }) {
  const { finding, time, refresh } = explore;
  const error = finding.error ?? totals.error;
  if (error !== undefined) return <QueryProblem error={error} onRetry={refresh} />;
  if (finding.data === null && !time) return <NoSpans explore={explore} />;
  if (!totals.data) return <LoadingRows />;
  if (totals.data.count === 0 && !totals.loading) return <NoSpans explore={explore} />;
  return (
    <div className={totals.loading ? "explore explore-stale" : "explore"} aria-busy={totals.loading}>
      <TotalsRow totals={totals.data} />
      <ExploreCharts explore={explore} />
      <HeatPanel explore={explore} totals={totals.data} />
      <GroupsPanel explore={explore} />
      <SpansPanel explore={explore} count={totals.data.count} />
    </div>
  );
}

/** Says why there is nothing, and offers what may help. */
function NoSpans({ explore: { view, show } }: { explore: Explore }) {
  const narrowed = isNarrowed(view);
  const period = periods.find(({ name }) => name === view.period && view.from === "");
  const when = period
    ? ` in the last ${period.text}`
    : view.period === "all" && view.from === ""
      ? ""
      : " in this time";
  return (
    <EmptyState title={narrowed ? `No span is like that${when}` : `No spans${when}`}>
      <p>
        {narrowed
          ? "Take a condition away, or look at a longer time."
          : "Spans come from jobs as they run, and from any program that sends OTLP to this server: set OTEL_EXPORTER_OTLP_ENDPOINT to its address."}
      </p>
      <p className="explore-actions">
        {view.period !== "24h" && (
          <button type="button" className="button" onClick={() => show({ period: "24h", from: "", to: "" })}>
            Look at 24 hours
          </button>
        )}
        {view.period !== "all" && (
          <button type="button" className="button" onClick={() => show({ period: "all", from: "", to: "" })}>
            Look at all times
          </button>
        )}
      </p>
    </EmptyState>
  );
}
