import type { Job } from "@spanloom/protocol";
import type { ReactNode } from "react";
import { durationText } from "../text/duration-text.ts";
import { exactTime } from "../text/time-text.ts";
import { CopyButton } from "../widgets/copy-button.tsx";
import { LoadingRows } from "../widgets/notice.tsx";
import { cliText, curlText, linkText } from "./copy-text.ts";
import { SpanLinks } from "./span-links.tsx";
import type { DetailEvent, SpanDetails } from "./waterfall-messages.ts";

export interface SpanPanelProps {
  /** Absent until the answer is there; without a span when it is stored no more. */
  details: { span: SpanDetails | undefined } | undefined;
  job: Job;
  /** Folds all spans of the name, or unfolds them. */
  names: { folded: boolean; toggle: () => void } | undefined;
  /** Goes to what failed below the span, when something did. */
  onFailure?: () => void;
  onClose: () => void;
}

/** All that is known of the span that is selected, its log with it. */
export function SpanPanel({ details, onClose, ...rest }: SpanPanelProps) {
  const span = details?.span;
  return (
    <aside className="span-panel" aria-label="Selected span">
      <header>
        <h2 title={span?.name}>{span?.name ?? (details ? "This span is stored no more" : "…")}</h2>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close the span" title="Close (Esc)">
          ×
        </button>
      </header>
      {!details && <LoadingRows rows={4} />}
      {span && <SpanText span={span} {...rest} />}
    </aside>
  );
}

type SpanTextProps = Pick<SpanPanelProps, "job" | "names" | "onFailure"> & { span: SpanDetails };

function SpanText({ span, job, names, onFailure }: SpanTextProps) {
  const { type, outcome, status, statusMessage, durationMs, startMs, events, logs } = span;
  const exceptions = events.filter((event) => event.name === "exception");
  const failed = status === "ERROR" || exceptions.length > 0;
  return (
    <>
      <p className={failed ? "span-failed" : "quiet"}>
        {type === "user" ? span.kind.toLowerCase() : type} ·{" "}
        {durationMs === undefined ? "open" : durationText(durationMs)} {outcome && `· ${outcome}`}
      </p>
      {statusMessage && exceptions.length === 0 && <p className="span-failed">{statusMessage}</p>}
      <Copies span={span} job={job} />
      <p className="span-actions">
        {onFailure && (
          <button type="button" className="button button-danger" onClick={onFailure}>
            Go to what failed below
          </button>
        )}
        {names && (
          <button type="button" className="button" onClick={names.toggle} aria-pressed={names.folded}>
            {names.folded ? "Unfold all of this name" : "Fold all of this name"}
          </button>
        )}
      </p>
      {exceptions.map((event, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: events have no id, and the list never changes.
        <ExceptionText key={at} event={event} />
      ))}
      <Section title={`${type === "task" ? "Logs of its attempts" : "Logs"} (${logs.length})`} shown={logs.length > 0}>
        <Logs span={span} />
      </Section>
      <Facts
        title="Span"
        facts={{ ...span.facts, started: exactTime(startMs), span_id: span.spanId, trace_id: span.traceId }}
      />
      <Facts title="Attributes" facts={span.attributes} />
      <Section title="Events" shown={events.length > exceptions.length}>
        {events
          .filter((event) => event.name !== "exception")
          .map((event, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: events have no id, and the list never changes.
            <EventText key={at} event={event} />
          ))}
      </Section>
      <Section title="Links" shown={span.links.length > 0}>
        <SpanLinks links={span.links} jobId={job.id} />
      </Section>
      <Facts title="Resource" facts={span.resource} />
    </>
  );
}

function Copies({ span, job }: { span: SpanDetails; job: Job }) {
  const place = { origin: location.origin, jobId: job.id, spanId: span.spanId };
  return (
    <p className="span-copies">
      {(
        [
          ["link", linkText(place), "link to the span"],
          ["curl", curlText(place), "call by curl"],
          ["CLI", cliText(place), "command"],
          ["id", span.spanId, "span's id"],
        ] as const
      ).map(([text, copied, label]) => (
        <span key={text}>
          {text} <CopyButton text={copied} label={label} />
        </span>
      ))}
    </p>
  );
}

function Logs({ span: { logs, startMs } }: { span: SpanDetails }) {
  return (
    <ol className="span-logs">
      {logs.map(({ timeMs, severity, body }, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: records have no id, and the list never changes.
        <li key={at} className={/^(ERROR|FATAL)/.test(severity) ? "span-failed" : undefined}>
          <span className="quiet">{`+${durationText(timeMs - startMs)} ${severity}`}</span> {body}
        </li>
      ))}
    </ol>
  );
}

function ExceptionText({ event: { attributes } }: { event: DetailEvent }) {
  const stack = attributes["exception.stacktrace"];
  return (
    <section className="span-exception">
      <h3 className="span-failed">{attributes["exception.type"] ?? "exception"}</h3>
      <p>{attributes["exception.message"]}</p>
      {stack && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls is scrolled by keys, too.
        <pre className="span-stack" tabIndex={0}>
          {stack}
        </pre>
      )}
    </section>
  );
}

function EventText({ event: { name, offsetMs, attributes } }: { event: DetailEvent }) {
  return (
    <div className="span-event">
      <strong>{name}</strong> <span className="quiet">+{durationText(offsetMs)}</span>
      <FactList facts={attributes} />
    </div>
  );
}

function Section({ title, shown, children }: { title: string; shown: boolean; children: ReactNode }) {
  if (!shown) return null;
  return (
    <section>
      <h3>{title}</h3>
      {children}
    </section>
  );
}

function Facts({ title, facts }: { title: string; facts: Readonly<Record<string, string>> }) {
  return (
    <Section title={title} shown={Object.keys(facts).length > 0}>
      <FactList facts={facts} />
    </Section>
  );
}

/** Names and values, as text. */
function FactList({ facts }: { facts: Readonly<Record<string, string>> }) {
  const entries = Object.entries(facts);
  if (entries.length === 0) return null;
  return (
    <dl className="span-facts">
      {entries.map(([key, value]) => (
        <div key={key} className="span-fact">
          <dt>{key}</dt>
          <dd className="mono">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
