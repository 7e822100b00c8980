import { msFromDuration, type Schedule } from "@spanloom/protocol";
import { Link } from "wouter";
import { triggers } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { durationText } from "../../text/duration-text.ts";
import { Fact } from "../../widgets/fact.tsx";
import { ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { RelativeTime } from "../../widgets/time.tsx";
import { DefinitionHead } from "./definition-head.tsx";
import { DefinitionNotes, SubmittedTasks } from "./definition-notes.tsx";
import { FiringList } from "./firing-list.tsx";
import { NextTimes } from "./next-times.tsx";
import { overlapText, timesText } from "./schedule-text.ts";

const EVERY_MS = 3_000;

/** One schedule: when it fires, what it submits, and what it fired. */
export function ScheduleDetail({ name }: { name: string }) {
  const { data, error, refresh } = usePoll(`schedule ${name}`, EVERY_MS, async (signal) => {
    const { schedule } = await triggers.getSchedule({ name }, { signal });
    return schedule;
  });
  if (!data) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  const { paused, description } = data;
  return (
    <>
      <DefinitionHead
        of={{ kind: "schedule", name }}
        back={{ href: "/schedules", label: "Schedules" }}
        {...{ paused, description }}
        onDone={refresh}
      />
      <DefinitionNotes of={data} />
      <ScheduleFacts schedule={data} />
      <SubmittedTasks of={data} />
      <NextTimes schedule={data} />
      <FiringList of={{ schedule: name }} />
    </>
  );
}

function ScheduleFacts({ schedule }: { schedule: Schedule }) {
  const { spec, job, overlap, catchUp, keepFirings } = schedule;
  const length = (duration: typeof catchUp) => (duration ? durationText(msFromDuration(duration)) : "none");
  return (
    <dl className="facts">
      <Fact name="Times">
        <span className="mono">{timesText(spec)}</span>
      </Fact>
      <Fact name="Next">
        <RelativeTime at={schedule.nextTimes[0]} />
      </Fact>
      <Fact name="Overlap">{overlapText(overlap)}</Fact>
      <Fact name="Catch-up">{length(catchUp)}</Fact>
      <Fact name="Jitter">{length(spec?.jitter)}</Fact>
      <Fact name="Its jobs">
        <Link href={`/jobs?schedule=${encodeURIComponent(schedule.name)}`}>{job?.name || "jobs"}</Link>
      </Fact>
      <Fact name="Queue">{job?.queue || "default"}</Fact>
      <Fact name="Firings kept">{keepFirings.toLocaleString()}</Fact>
      <Fact name="Changed">
        <RelativeTime at={schedule.updatedAt} />
      </Fact>
    </dl>
  );
}
