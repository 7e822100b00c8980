import { EmptyState, FailureState, LoadingRows } from "../widgets/notice.tsx";
import type { WaterfallState } from "./use-waterfall.ts";

/** Says what there is to say beside the drawing, or in its place. */
export function WaterfallNotice({
  state,
  live,
  onRetry,
}: {
  state: WaterfallState;
  /** Whether the job runs. */
  live: boolean;
  onRetry: () => void;
}) {
  const { failure, interrupted, drawing, complete, revealed } = state;
  if (failure) return <FailureState title="The spans could not be loaded" {...failure} onRetry={onRetry} />;
  const spans = drawing?.counts.spans ?? 0;
  return (
    <>
      {interrupted !== undefined && (
        <p className="waterfall-note" role="status">
          {spans > 0 ? "No new spans at the moment, what is shown is as it was: " : "No spans yet: "}
          {interrupted}. It is tried again by itself.
        </p>
      )}
      {spans > 0 && revealed?.line === -1 && (
        <p className="waterfall-note" role="status">
          The span that the link names is not among the stored spans of this job.
        </p>
      )}
      {spans === 0 && interrupted === undefined && <NoSpans live={live} complete={complete} />}
    </>
  );
}

function NoSpans({ live, complete }: { live: boolean; complete: boolean }) {
  if (complete)
    return (
      <EmptyState title="No spans of this job are stored">
        <p>
          Spans are kept for as many days as the server's <code>--retention-days</code> says; those of an older job are
          gone, while its tasks and its output are still here.
        </p>
      </EmptyState>
    );
  if (!live) return <LoadingRows rows={10} />;
  return (
    <EmptyState title="No spans yet">
      <p>They appear here within about a second, as soon as a task waits or runs.</p>
    </EmptyState>
  );
}
