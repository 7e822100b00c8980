import type { Schedule } from "@spanloom/protocol";
import { useState } from "react";
import { triggers } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { timestampMs } from "../../text/timestamp-ms.ts";
import { ErrorState } from "../../widgets/notice.tsx";
import { ExactTime, RelativeTime } from "../../widgets/time.tsx";
import { zonedTime } from "./zoned-time.ts";

const FEW = 5;
const MANY = 50;
const EVERY_MS = 15_000;

/** The times that come next; of a schedule that is paused those that would come. */
export function NextTimes({ schedule: { id, revision, spec, paused } }: { schedule: Schedule }) {
  const [count, setCount] = useState(FEW);
  const zone = spec?.times.case === "cron" ? spec.times.value.timeZone || "UTC" : undefined;
  const { data, error } = usePoll(`times of ${id} ${revision} ${count}`, EVERY_MS, async (signal) => {
    const { times } = await triggers.previewSchedule({ ...(spec && { spec }), count }, { signal });
    return times;
  });
  if (!data) return error === undefined ? null : <ErrorState error={error} />;
  return (
    <section aria-label="Next times">
      <div className="section-head">
        <h2>Next times</h2>
        {paused && <span className="quiet">if it were not paused</span>}
        {data.length === FEW && (
          <button type="button" className="button button-small" onClick={() => setCount(MANY)}>
            Show {MANY}
          </button>
        )}
      </div>
      {data.length === 0 && <p className="quiet">It has no time left.</p>}
      <ol className="times">
        {data.map((at) => (
          <li key={timestampMs(at)}>
            <ExactTime at={at} /> {zone !== undefined && <span className="quiet">{zonedTime(at, zone)}</span>}{" "}
            <RelativeTime at={at} />
          </li>
        ))}
      </ol>
    </section>
  );
}
