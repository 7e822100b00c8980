import { create } from "@bufbuild/protobuf";
import { type Firing, FiringOutcome, FiringSchema, JobState, timestampFromUs } from "@spanloom/protocol";
import { invalidField } from "../engine/field.ts";
import { present } from "../present.ts";
import type { Store } from "../store/store.ts";
import type { FiringOutcomeName, FiringRecord } from "../store/trigger-store.ts";

const outcomes = {
  submitted: FiringOutcome.SUBMITTED,
  skipped: FiringOutcome.SKIPPED,
  missed: FiringOutcome.MISSED,
  failed: FiringOutcome.FAILED,
} as const satisfies Record<FiringOutcomeName, FiringOutcome>;

/** A stored firing as the protocol's message. */
export function toFiring(record: FiringRecord): Firing {
  return create(FiringSchema, {
    id: record.id,
    sourceId: record.sourceId,
    outcome: outcomes[record.outcome],
    jobId: record.jobId,
    eventId: record.eventId,
    error: record.error,
    requested: record.requested,
    count: record.count,
    ...present({
      scheduledAt: timestampFromUs(record.scheduledAtUs),
      firedAt: timestampFromUs(record.firedAtUs),
    }),
  });
}

/** Tells in firings how their jobs stand now; undefined ones are passed over. */
export async function tellJobStates(
  store: Pick<Store, "jobStates">,
  firings: readonly (Firing | undefined)[],
): Promise<void> {
  const fired = firings.filter((firing) => firing !== undefined && firing.jobId !== "") as readonly Firing[];
  if (fired.length === 0) return;
  const states = await store.jobStates([...new Set(fired.map(({ jobId }) => jobId))]);
  for (const firing of fired) firing.jobState = states.get(firing.jobId) ?? JobState.UNSPECIFIED;
}

/** Reads outcomes to list; undefined for all. Errors: INVALID_FIELD. */
export function toFiringOutcomes(given: readonly FiringOutcome[]): readonly FiringOutcomeName[] | undefined {
  if (given.length === 0) return undefined;
  return given.map((outcome, i) => {
    const name = (Object.keys(outcomes) as FiringOutcomeName[]).find((each) => outcomes[each] === outcome);
    if (name === undefined) throw invalidField(`outcomes[${i}]`, `is ${outcome}, which this server does not know`);
    return name;
  });
}
