import { Link } from "wouter";
import { shortId } from "../text/short-id.ts";
import { spanPath } from "../text/span-path.ts";
import type { DetailLink } from "./waterfall-messages.ts";

/** Spans that a span leads to; those of jobs open in their waterfall. */
export function SpanLinks({ links, jobId }: { links: readonly DetailLink[]; jobId: string }) {
  return (
    <ul className="span-links">
      {links.map((link) => (
        <li key={link.traceId + link.spanId}>
          <span className="quiet">{link.attributes["spanloom.link.type"] ?? "link"}</span>{" "}
          {link.jobId ? (
            <Link href={spanPath(link.jobId, link.spanId)}>{link.name || link.spanId}</Link>
          ) : (
            <span className="mono">{link.name ?? `${link.traceId} ${link.spanId}`}</span>
          )}{" "}
          {link.jobId && link.jobId !== jobId && <span className="quiet">of job {shortId(link.jobId)}</span>}
        </li>
      ))}
    </ul>
  );
}
