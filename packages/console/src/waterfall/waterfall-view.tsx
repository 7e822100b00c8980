import type { Job } from "@spanloom/protocol";
import { type ReactNode, type RefObject, useEffect, useRef, useState } from "react";
import { theme } from "../state/settings.ts";
import { useValue } from "../state/value-store.ts";
import { isEnded } from "../text/job-states.ts";
import { SpanPanel } from "./span-panel.tsx";
import { useWaterfall, type WaterfallState } from "./use-waterfall.ts";
import { WaterfallCanvas } from "./waterfall-canvas.ts";
import type { WaterfallDrawing, WaterfallRequest } from "./waterfall-messages.ts";

type Ask = (request: WaterfallRequest) => void;

/** All spans of a job over time, live while it runs, beside what is known of the one that is selected. */
export function WaterfallView({ job }: { job: Job }) {
  const [state, ask] = useWaterfall(job.id, !isEnded(job.state));
  const [selected, setSelected] = useState(-1);
  const [main, map] = [useRef<HTMLCanvasElement>(null), useRef<HTMLCanvasElement>(null)];
  const canvas = useCanvas({ main, map, state, ask, onSelect: setSelected });
  useLinkedSpan(state, ask);
  const { details, drawing, problem } = state;
  const foldName = drawing?.lines.row.indexOf(selected) ?? -1;
  return (
    <section className="waterfall" aria-label="Waterfall">
      <WaterfallBar state={state} ask={ask}>
        {foldName >= 0 && drawing && (
          <button
            type="button"
            className="button"
            onClick={() => ask({ kind: "foldName", name: drawing.lines.name[foldName]! })}
          >
            Fold all of this name
          </button>
        )}
      </WaterfallBar>
      {problem && <p role="alert">{problem}</p>}
      <canvas ref={map} className="waterfall-map" role="img" aria-label="What ran when" />
      <div className="waterfall-body">
        <canvas
          ref={main}
          className="waterfall-lines"
          tabIndex={0}
          role="img"
          aria-label="Spans over time. Arrows go from span to span, e to the next failure, plus and minus zoom."
        />
        {details && details.row === selected && (
          <SpanPanel
            details={details}
            jobId={job.id}
            onClose={() => {
              setSelected(-1);
              canvas.current?.redraw();
            }}
          />
        )}
      </div>
    </section>
  );
}

interface CanvasUse {
  main: RefObject<HTMLCanvasElement | null>;
  map: RefObject<HTMLCanvasElement | null>;
  state: WaterfallState;
  ask: Ask;
  onSelect: (row: number) => void;
}

function useCanvas({ main, map, state, ask, onSelect }: CanvasUse): RefObject<WaterfallCanvas | null> {
  const canvas = useRef<WaterfallCanvas>(null);
  const chosen = useValue(theme);
  useEffect(() => {
    const mine = new WaterfallCanvas(main.current!, map.current!, {
      select: (row) => {
        onSelect(row);
        ask({ kind: "details", row });
      },
      fold: (row) => ask({ kind: "fold", row }),
      close: () => onSelect(-1),
    });
    canvas.current = mine;
    return () => mine.stop();
  }, [main, map, ask, onSelect]);
  const { drawing, revealed } = state;
  useEffect(() => {
    if (drawing) canvas.current?.show(drawing);
  }, [drawing]);
  useEffect(() => {
    if (revealed) canvas.current?.selectLine(revealed.line);
  }, [revealed]);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another theme has other colours.
  useEffect(() => canvas.current?.recolor(), [chosen]);
  return canvas;
}

/** Selects the span that the URL names, once all has come. */
function useLinkedSpan({ complete }: WaterfallState, ask: Ask): void {
  useEffect(() => {
    const spanId = new URLSearchParams(location.search).get("span");
    if (complete && spanId) ask({ kind: "reveal", target: { spanId } });
  }, [complete, ask]);
}

function WaterfallBar({ state, ask, children }: { state: WaterfallState; ask: Ask; children: ReactNode }) {
  const [text, setText] = useState("");
  const [errors, setErrors] = useState(false);
  const [at, setAt] = useState(-1);
  const { found, drawing } = state;
  const look = (next: { text: string; errors: boolean }) => {
    setText(next.text);
    setErrors(next.errors);
    setAt(-1);
    ask({ kind: "search", search: next });
  };
  const go = (step: 1 | -1) => {
    if (!found || found.length === 0) return;
    const next = at === -1 && step === -1 ? found.length - 1 : (at + step + found.length) % found.length;
    setAt(next);
    ask({ kind: "reveal", target: { position: found[next]! } });
  };
  return (
    <form
      className="waterfall-bar"
      onSubmit={(event) => {
        event.preventDefault();
        go(1);
      }}
    >
      <input
        type="search"
        id="search"
        aria-label="Find spans"
        placeholder="name or span id"
        value={text}
        onChange={({ target }) => look({ text: target.value, errors })}
      />
      <label>
        <input type="checkbox" checked={errors} onChange={({ target }) => look({ text, errors: target.checked })} />{" "}
        failed only
      </label>
      <button type="button" className="button" onClick={() => go(-1)} disabled={!found?.length}>
        Before
      </button>
      <button type="submit" className="button" disabled={!found?.length}>
        Next
      </button>
      <span className="quiet" role="status">
        {found && (text || errors) ? `${at + 1} of ${found.length.toLocaleString("en")}` : ""}
      </span>
      {children}
      <Counts drawing={drawing} />
    </form>
  );
}

function Counts({ drawing }: { drawing: WaterfallDrawing | undefined }) {
  if (!drawing) return <span className="quiet">loading…</span>;
  const { spans, errors, open } = drawing.counts;
  return (
    <span className="quiet waterfall-counts" data-spans={spans}>
      {spans.toLocaleString("en")} spans{errors > 0 && `, ${errors.toLocaleString("en")} failed`}
      {open > 0 && `, ${open.toLocaleString("en")} open`}
    </span>
  );
}
