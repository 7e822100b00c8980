import type { Job } from "@spanloom/protocol";
import { useEffect, useRef, useState } from "react";
import { useSearchParams } from "wouter";
import { serverNowMs } from "../rpc/server-clock.ts";
import { isEnded } from "../text/job-states.ts";
import { timestampMs } from "../text/timestamp-ms.ts";
import { ViewBody } from "../widgets/view-body.tsx";
import { LineTree, lineId } from "./line-tree.tsx";
import { ERROR_BELOW } from "./span-facts.ts";
import { SpanPanel } from "./span-panel.tsx";
import { SpanTip } from "./span-tip.tsx";
import { useCanvas } from "./use-canvas.ts";
import { type Ask, foundBy, useWaterfall, type WaterfallState } from "./use-waterfall.ts";
import { WaterfallBar } from "./waterfall-bar.tsx";
import { WaterfallLegend } from "./waterfall-legend.tsx";
import type { WaterfallDrawing } from "./waterfall-messages.ts";
import { WaterfallNotice } from "./waterfall-notice.tsx";
import { parseWaterfallUrl, type WaterfallUrl, withWaterfallUrl } from "./waterfall-url.ts";

export { startSpareWorker } from "./spare-worker.ts";

/** All spans of a job over time, live while it runs, beside what is known of the one that is selected. */
export function WaterfallView({ job }: { job: Job }) {
  const runs = !isEnded(job.state);
  const [late] = useState(() => endedLately(job, serverNowMs()));
  const { state, ask, retry } = useWaterfall({ id: job.id, runs, endedLately: late });
  const [url, setUrl] = useWaterfallUrl();
  const [selected, setSelected] = useState(-1);
  const [full, setFull] = useState(false);
  const search = { text: url.find, errors: url.failed };
  const found = foundBy(state, search);
  const { main, map, canvas, hovered } = useCanvas({ state, ask, found, onSelect: setSelected });
  useSpanInUrl({ state, ask, selected, url, setUrl });
  usePath(url.path, state, ask);
  const { drawing } = state;
  const gone = state.complete && drawing?.counts.spans === 0;
  const line = selected === -1 || !drawing ? -1 : drawing.lines.row.indexOf(selected);
  return (
    <section className={`waterfall${full ? " waterfall-full" : ""}`} aria-label="Waterfall">
      {!gone && (
        <WaterfallBar
          state={state}
          ask={ask}
          search={search}
          onSearch={({ text, errors }) => setUrl({ find: text, failed: errors })}
        >
          <Toggle label="Critical path" on={url.path} onChange={(path) => setUrl({ path })} />
          <ZoomButtons onZoom={(factor) => canvas.current?.zoom(factor)} />
          {drawing?.folded && (
            <button type="button" className="button" onClick={() => ask({ kind: "unfoldAll" })}>
              Unfold all
            </button>
          )}
          <Toggle label="Full window" on={full} onChange={setFull} />
        </WaterfallBar>
      )}
      <WaterfallNotice state={state} live={runs} onRetry={retry} />
      <div className="waterfall-drawn" hidden={!drawing || drawing.counts.spans === 0}>
        <WaterfallLegend path={url.path} />
        <canvas ref={map} className="waterfall-map" role="img" aria-label="What ran when; drag to choose a time" />
        <ViewBody className="waterfall-body">
          <div
            className="waterfall-lines"
            role="tree"
            tabIndex={0}
            aria-label="Spans over time"
            {...(line >= 0 && { "aria-activedescendant": lineId(selected) })}
          >
            {/* What it shows is told by the items of the tree. */}
            <canvas ref={main} />
            {drawing && <LineTree drawing={drawing} line={line} />}
            {drawing && <SpanTip hovered={hovered} drawing={drawing} />}
          </div>
          {selected !== -1 && drawing && (
            <SpanPanel
              key={selected}
              details={state.details?.row === selected ? state.details : undefined}
              job={job}
              names={nameFold(drawing, line, ask)}
              {...(hasFailureBelow(drawing, line) && {
                onFailure: () => ask({ kind: "revealFailure", row: selected }),
              })}
              onClose={() => canvas.current?.selectNothing()}
            />
          )}
        </ViewBody>
      </div>
    </section>
  );
}

/** For so long after a job's end spans of it may yet come. */
const LATE_MS = 60_000;

function endedLately({ endedAt }: Job, nowMs: number): boolean {
  return nowMs - (timestampMs(endedAt) ?? 0) < LATE_MS;
}

function hasFailureBelow({ lines }: WaterfallDrawing, line: number): boolean {
  return line !== -1 && (lines.facts[line]! & ERROR_BELOW) !== 0;
}

/** Folding all spans that are called as the selected one. */
function nameFold(drawing: WaterfallDrawing, line: number, ask: Ask) {
  if (line === -1) return undefined;
  const name = drawing.lines.name[line]!;
  return { folded: drawing.foldedNames.includes(name), toggle: () => ask({ kind: "foldName", name }) };
}

function useWaterfallUrl(): [WaterfallUrl, (changes: Partial<WaterfallUrl>) => void] {
  const [params, setParams] = useSearchParams();
  const url = parseWaterfallUrl(params);
  const set = (changes: Partial<WaterfallUrl>) =>
    setParams((before) => withWaterfallUrl(before, changes), { replace: true });
  return [url, set];
}

interface SpanInUrl {
  state: WaterfallState;
  ask: Ask;
  selected: number;
  url: WaterfallUrl;
  setUrl: (changes: Partial<WaterfallUrl>) => void;
}

/** Goes to the span that the URL names, and lets the URL name the one that is selected. */
function useSpanInUrl({ state, ask, selected, url, setUrl }: SpanInUrl): void {
  const gone = useRef("");
  const before = useRef(-1);
  const has = state.drawing !== undefined;
  const shown = state.details?.row === selected ? (state.details.span?.spanId ?? "") : "";
  useEffect(() => {
    if (!has || url.span === "" || url.span === gone.current) return;
    gone.current = url.span;
    ask({ kind: "reveal", target: { spanId: url.span } });
  }, [has, url.span, ask]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: told when another span is shown, not when the URL changes.
  useEffect(() => {
    const closed = selected === -1 && before.current !== -1;
    before.current = selected;
    if ((shown === "" && !closed) || shown === url.span) return;
    gone.current = shown;
    setUrl({ span: shown });
  }, [shown, selected]);
}

/** Has the critical path marked while it is wished for. */
function usePath(wished: boolean, { drawing }: WaterfallState, ask: Ask): void {
  const has = drawing !== undefined;
  useEffect(() => {
    if (!has || !wished) return;
    ask({ kind: "path", shown: true });
    return () => ask({ kind: "path", shown: false });
  }, [has, wished, ask]);
}

function Toggle({ label, on, onChange }: { label: string; on: boolean; onChange: (on: boolean) => void }) {
  return (
    <button type="button" className="button" aria-pressed={on} onClick={() => onChange(!on)}>
      {label}
    </button>
  );
}

const zooms = [
  ["+", "Zoom in", 0.5],
  ["−", "Zoom out", 2],
  ["Fit", "Fit all of the time", 0],
] as const;

function ZoomButtons({ onZoom }: { onZoom: (factor: number) => void }) {
  return (
    <fieldset className="waterfall-zoom">
      <legend className="hidden">Zoom</legend>
      {zooms.map(([text, label, factor]) => (
        <button
          key={label}
          type="button"
          className="button"
          title={label}
          aria-label={label}
          onClick={() => onZoom(factor)}
        >
          {text}
        </button>
      ))}
    </fieldset>
  );
}
