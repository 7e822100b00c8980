import { createClient } from "@connectrpc/connect";
import { durationFromMs, FiringOutcome, OverlapPolicy, TriggerService } from "@spanloom/protocol";
import { connect } from "@spanloom/sdk";

/** Schedules to make or change. */
export interface SchedulePlan {
  url: string;
  count: number;
  /** Fire at seconds of a minute that are `everySeconds` apart, all at the same, or each at one of them in turn; or in an hour. */
  times: "same" | "spread" | "hour";
  everySeconds: number;
}

/** Times from `sinceMs` to before `untilMs`; the newest `atMost` firings are looked through. */
export interface FiringRange {
  url: string;
  sinceMs: number;
  untilMs: number;
  atMost: number;
}

/** What became of times. */
export interface FiringFigures {
  fired: number;
  /** From the time itself until the last of them was dealt with. */
  lastMs: number;
}

const AT_ONCE = 50;
const HOUR_MS = 3_600_000;
const PAGE = 1_000;

/** Makes the schedules, or changes those of the same names. */
export async function putSchedules({ url, count, times, everySeconds }: SchedulePlan): Promise<void> {
  const connection = connect({ url });
  const triggers = createClient(TriggerService, connection.transport);
  const task = { specs: [{ identifier: { name: "nobody's" } }], groups: [{ inputs: [new Uint8Array()], specs: [0] }] };
  const specOf = (place: number) => {
    if (times === "hour") return { times: { case: "interval" as const, value: { every: durationFromMs(HOUR_MS) } } };
    const second = times === "same" ? 0 : place % everySeconds;
    return { times: { case: "cron" as const, value: { expression: `${second}-59/${everySeconds} * * * * *` } } };
  };
  for (let from = 0; from < count; from += AT_ONCE) {
    const places = Array.from({ length: Math.min(AT_ONCE, count - from) }, (_, place) => from + place);
    await Promise.all(
      places.map((place) =>
        triggers.putSchedule({
          name: `bench-${place}`,
          spec: specOf(place),
          job: { name: "scheduled", tasks: task },
          overlap: OverlapPolicy.ALLOW,
        }),
      ),
    );
  }
  connection.close();
}

/** Reads what was fired for times of a range, among the newest firings. */
export async function readFirings(range: FiringRange): Promise<FiringFigures> {
  const connection = connect({ url: range.url });
  const triggers = createClient(TriggerService, connection.transport);
  const figures = { fired: 0, lastMs: 0 };
  let pageToken = "";
  for (let read = 0; read < range.atMost; read += PAGE) {
    const page = await triggers.listFirings({ pageSize: PAGE, pageToken, outcomes: [FiringOutcome.SUBMITTED] });
    for (const { scheduledAt, firedAt } of page.firings) {
      const scheduledMs = epochMs(scheduledAt);
      if (scheduledMs < range.sinceMs || scheduledMs >= range.untilMs) continue;
      figures.fired++;
      figures.lastMs = Math.max(figures.lastMs, epochMs(firedAt) - scheduledMs);
    }
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  connection.close();
  return figures;
}

function epochMs(time: { seconds: bigint; nanos: number } | undefined): number {
  return time === undefined ? Number.NaN : Number(time.seconds) * 1000 + time.nanos / 1e6;
}
