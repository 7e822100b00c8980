import type { ReactNode } from "react";
import { durationText } from "../text/duration-text.ts";
import { CopyButton } from "../widgets/copy-button.tsx";
import { cliText, curlText, linkText } from "./copy-text.ts";
import type { DetailEvent, SpanDetails } from "./waterfall-messages.ts";

/** All that is known of the span that is selected, its log with it. */
export function SpanPanel({ details, jobId, onClose }: { details: SpanDetails; jobId: string; onClose: () => void }) {
  const { name, type, outcome, status, statusMessage, durationMs, events, links, logs } = details;
  const place = { origin: location.origin, jobId, spanId: details.spanId };
  const exceptions = events.filter((event) => event.name === "exception");
  const failed = status === "ERROR" || exceptions.length > 0;
  return (
    <aside className="span-panel" aria-label="Selected span">
      <header>
        <h2>{name}</h2>
        <button type="button" className="icon-button" onClick={onClose} aria-label="Close the span">
          ×
        </button>
      </header>
      <p className={failed ? "span-failed" : "quiet"}>
        {type} · {durationMs === undefined ? "open" : durationText(durationMs)} {outcome && `· ${outcome}`}
      </p>
      {statusMessage && <p className="span-failed">{statusMessage}</p>}
      <p className="span-copies">
        link <CopyButton text={linkText(place)} label="link to the span" /> curl{" "}
        <CopyButton text={curlText(place)} label="call by curl" /> CLI{" "}
        <CopyButton text={cliText(place)} label="command" /> id <CopyButton text={details.spanId} label="span's id" />
      </p>
      {exceptions.map((event, at) => (
        // biome-ignore lint/suspicious/noArrayIndexKey: events have no id, and the list never changes.
        <ExceptionText key={at} event={event} />
      ))}
      <Section title={`Logs (${logs.length})`} shown={logs.length > 0}>
        <ol className="span-logs">
          {logs.map(({ timeMs, severity, body }, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: records have no id, and the list never changes.
            <li key={at}>
              <span className="quiet">{`+${durationText(timeMs - details.startMs)} ${severity}`}</span> {body}
            </li>
          ))}
        </ol>
      </Section>
      <Facts title="Span" facts={details.facts} />
      <Facts title="Attributes" facts={details.attributes} />
      <Section title="Events" shown={events.length > exceptions.length}>
        {events
          .filter((event) => event.name !== "exception")
          .map((event, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: events have no id, and the list never changes.
            <Facts key={at} title={`${event.name} +${durationText(event.offsetMs)}`} facts={event.attributes} always />
          ))}
      </Section>
      <Section title="Links" shown={links.length > 0}>
        {links.map(({ traceId, spanId, attributes }) => (
          <Facts key={traceId + spanId} title={`${traceId} ${spanId}`} facts={attributes} always />
        ))}
      </Section>
      <Facts title="Resource" facts={details.resource} />
    </aside>
  );
}

function ExceptionText({ event: { attributes } }: { event: DetailEvent }) {
  return (
    <section>
      <h3 className="span-failed">{attributes["exception.type"] ?? "exception"}</h3>
      <p>{attributes["exception.message"]}</p>
      <pre className="span-stack">{attributes["exception.stacktrace"]}</pre>
    </section>
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

interface FactsProps {
  title: string;
  facts: Readonly<Record<string, string>>;
  /** Also when there are none. */
  always?: boolean;
}

function Facts({ title, facts, always = false }: FactsProps) {
  const entries = Object.entries(facts);
  return (
    <Section title={title} shown={always || entries.length > 0}>
      <dl className="span-facts">
        {entries.map(([key, value]) => (
          <div key={key}>
            <dt>{key}</dt>
            <dd className="mono">{value}</dd>
          </div>
        ))}
      </dl>
    </Section>
  );
}
