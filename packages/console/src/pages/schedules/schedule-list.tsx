import type { Schedule } from "@spanloom/protocol";
import { triggers } from "../../rpc/clients.ts";
import type { Column } from "../../widgets/data-table.tsx";
import { RelativeTime } from "../../widgets/time.tsx";
import { DefinitionList } from "./definition-list.tsx";
import { timesText } from "./schedule-text.ts";

/** The schedules there are, by name. */
export function ScheduleList() {
  return (
    <DefinitionList
      kind="schedule"
      label="Schedules"
      path="/schedules"
      load={async (asked, signal) => {
        const { schedules: rows, nextPageToken } = await triggers.listSchedules(asked, { signal });
        return { rows, nextPageToken };
      }}
      before={times}
      after={next}
    >
      <p>
        A schedule submits a job at its times. Make one with{" "}
        <code>{"spanloom schedule put nightly my-task --cron '0 2 * * *'"}</code>, or from a program with{" "}
        <code>client.schedules.put</code>.
      </p>
    </DefinitionList>
  );
}

const times: readonly Column<Schedule>[] = [{ name: "Times", className: "mono", cell: ({ spec }) => timesText(spec) }];
const next: readonly Column<Schedule>[] = [
  { name: "Next", cell: ({ nextTimes }) => <RelativeTime at={nextTimes[0]} /> },
];
