import type { Trigger } from "@spanloom/protocol";
import { Link } from "wouter";
import { triggers } from "../../rpc/clients.ts";
import { usePoll } from "../../rpc/use-poll.ts";
import { Fact } from "../../widgets/fact.tsx";
import { ErrorState, LoadingRows } from "../../widgets/notice.tsx";
import { RelativeTime } from "../../widgets/time.tsx";
import { DefinitionHead } from "./definition-head.tsx";
import { DefinitionNotes, SubmittedTasks } from "./definition-notes.tsx";
import { FiringList } from "./firing-list.tsx";
import { TryEvent } from "./try-event.tsx";

const EVERY_MS = 3_000;

/** One trigger: what it takes, what it submits, and what it fired. */
export function TriggerDetail({ name }: { name: string }) {
  const { data, error, refresh } = usePoll(`trigger ${name}`, EVERY_MS, async (signal) => {
    const { trigger } = await triggers.getTrigger({ name }, { signal });
    return trigger;
  });
  if (!data) return error === undefined ? <LoadingRows /> : <ErrorState error={error} onRetry={refresh} />;
  const { paused, description } = data;
  return (
    <>
      <DefinitionHead
        of={{ kind: "trigger", name }}
        back={{ href: "/schedules/triggers", label: "Triggers" }}
        {...{ paused, description }}
        onDone={refresh}
      />
      <DefinitionNotes of={data} />
      <TriggerFacts trigger={data} />
      <SubmittedTasks of={data} />
      <TryEvent trigger={data} />
      <FiringList of={{ trigger: name }} />
    </>
  );
}

function TriggerFacts({ trigger }: { trigger: Trigger }) {
  const { job, inputTask } = trigger;
  return (
    <dl className="facts">
      <Fact name="On events">
        <Link className="mono" href={`/schedules/events?key=${encodeURIComponent(trigger.keyPattern)}`}>
          {trigger.keyPattern}
        </Link>
      </Fact>
      <Fact name="Its jobs">
        <Link href={`/jobs?trigger=${encodeURIComponent(trigger.name)}`}>{job?.name || "jobs"}</Link>
      </Fact>
      <Fact name="Queue">{job?.queue || "default"}</Fact>
      <Fact name="Firings kept">{trigger.keepFirings.toLocaleString()}</Fact>
      <Fact name="Changed">
        <RelativeTime at={trigger.updatedAt} />
      </Fact>
      <Fact name="When" wide>
        <code>{trigger.filter || "always"}</code>
      </Fact>
      {inputTask !== "-" && (
        <Fact name={`Input of ${inputTask || "its task"}`} wide>
          <code>{trigger.input || "the event's payload"}</code>
        </Fact>
      )}
    </dl>
  );
}
