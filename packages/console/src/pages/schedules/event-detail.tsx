import type { Event } from "@spanloom/protocol";
import { Link } from "wouter";
import { events } from "../../rpc/clients.ts";
import { errorText } from "../../rpc/error-text.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { showToast } from "../../state/toasts.ts";
import { payloadText } from "../../text/payload.ts";
import { randomKey } from "../../text/random-key.ts";
import { CopyButton } from "../../widgets/copy-button.tsx";
import { Fact } from "../../widgets/fact.tsx";
import { EmptyState, ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { ExactTime } from "../../widgets/time.tsx";
import { sourceText } from "./event-list.tsx";
import { FiringTable } from "./firing-table.tsx";

const EVERY_MS = 3_000;

/** One event: what it says, and what it fired. */
export function EventDetail({ id }: { id: string }) {
  const { data, error, refresh } = usePoll(`event ${id}`, EVERY_MS, async (signal) => {
    const { event } = await events.getEvent({ eventId: id }, { signal });
    return event;
  });
  if (!data) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  return (
    <>
      <header className="page-head job-head">
        <div>
          <p className="crumbs">
            <Link href="/schedules/events">Events</Link> /
          </p>
          <h1>
            <bdi>{data.key}</bdi>
          </h1>
          <p className="mono quiet">
            {data.id} <CopyButton text={data.id} label="event's id" />
          </p>
        </div>
        <div className="actions">
          <button type="button" className="button" onClick={() => void replay(data)}>
            Publish again
          </button>
        </div>
      </header>
      <EventFacts event={data} />
      <pre className="output">{payloadText(data.payload) || "null"}</pre>
      <div className="section-head">
        <h2>Firings</h2>
      </div>
      {data.firings.length > 0 ? (
        <FiringTable firings={data.firings} ofEvents={false} />
      ) : (
        <EmptyState title={data.matched ? "It fired nothing" : "No trigger has seen it yet"} />
      )}
    </>
  );
}

function EventFacts({ event }: { event: Event }) {
  return (
    <dl className="facts">
      <Fact name="Received">
        <ExactTime at={event.receivedAt} />
      </Fact>
      <Fact name="From">{sourceText(event)}</Fact>
      <Fact name="Seen by all triggers">{event.matched ? "yes" : "not yet"}</Fact>
      {event.depth > 0 && <Fact name="Jobs and events before it">{event.depth.toLocaleString()}</Fact>}
      {event.replayOf !== "" && (
        <Fact name="Repeats">
          <Link href={`/schedules/events?event=${encodeURIComponent(event.replayOf)}`}>{event.replayOf}</Link>
        </Fact>
      )}
      {Object.entries(event.metadata).map(([key, value]) => (
        <Fact key={key} name={key}>
          {value}
        </Fact>
      ))}
    </dl>
  );
}

/** Publishes an event again, and says how it went. Never rejects. */
async function replay({ id, key }: Event): Promise<void> {
  try {
    const { eventIds } = await events.replayEvents({ eventIds: [id], idempotencyKey: randomKey() });
    showToast("good", `Published ${key} again`, `/schedules/events?event=${encodeURIComponent(eventIds[0] ?? "")}`);
  } catch (error) {
    showToast("bad", errorText(error).message);
  }
}
