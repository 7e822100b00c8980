/** What servers that were killed left of schedules and events, and what they were told. Times are epoch microseconds. */
export interface TriggerEvidence {
  /** Every time of each schedule must be there, from the first that it could know to the last before it was paused. */
  schedules: ScheduleEvidence[];
  /** Every event that was acknowledged, at each trigger that takes it. */
  triggers: TriggerJobs[];
}

/** One schedule. */
export interface ScheduleEvidence {
  name: string;
  everyUs: number;
  madeAtUs: number;
  pausedAtUs: number;
  firings: { scheduledAtUs: number; jobId: string; outcome: string }[];
  /** Of ListJobs. */
  jobs: { id: string; scheduledAtUs: number }[];
}

/** One trigger. */
export interface TriggerJobs {
  name: string;
  /** Ids of the acknowledged events that it takes. */
  acknowledged: readonly string[];
  /** Events of its jobs, of ListJobs. */
  jobs: readonly string[];
}

/** What is wrong; empty when every time fired once, and every event once at each trigger. */
export function verdictOf({ schedules, triggers }: TriggerEvidence): string[] {
  return [...schedules.flatMap(wrongTimes), ...triggers.flatMap(wrongEvents)];
}

function wrongTimes(schedule: ScheduleEvidence): string[] {
  return [...wrongFirings(schedule), ...wrongJobs(schedule)].map((what) => `${schedule.name}: ${what}`);
}

function wrongFirings({ everyUs, madeAtUs, pausedAtUs, firings }: ScheduleEvidence): string[] {
  const wrong = firings
    .filter(({ outcome }) => outcome !== "SUBMITTED")
    .map(({ scheduledAtUs, outcome }) => `${textOf(scheduledAtUs)} is ${outcome}`);
  const counts = countsOf(firings.map(({ scheduledAtUs }) => scheduledAtUs));
  for (const [timeUs, count] of counts) if (count > 1) wrong.push(`${textOf(timeUs)} was fired ${count} times`);
  // What is due while the schedule is paused may or may not be seen.
  const firstUs = Math.ceil((madeAtUs + 1) / everyUs) * everyUs;
  for (let timeUs = firstUs; timeUs < pausedAtUs - everyUs; timeUs += everyUs)
    if (!counts.has(timeUs)) wrong.push(`${textOf(timeUs)} was never fired`);
  return wrong;
}

function wrongJobs({ firings, jobs }: ScheduleEvidence): string[] {
  const known = new Map(firings.filter(({ jobId }) => jobId !== "").map((firing) => [firing.jobId, firing]));
  const wrong = jobs
    .filter(({ id, scheduledAtUs }) => known.get(id)?.scheduledAtUs !== scheduledAtUs)
    .map(({ id, scheduledAtUs }) => `${textOf(scheduledAtUs)} has job ${id}, which no firing names`);
  for (const [timeUs, count] of countsOf(jobs.map(({ scheduledAtUs }) => scheduledAtUs)))
    if (count > 1) wrong.push(`${textOf(timeUs)} has ${count} jobs`);
  if (known.size !== jobs.length) wrong.push(`${known.size} firings submitted a job, there are ${jobs.length} jobs`);
  return wrong;
}

const textOf = (timeUs: number) => new Date(timeUs / 1000).toISOString();

function countsOf<Key>(keys: readonly Key[]): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const key of keys) counts.set(key, (counts.get(key) ?? 0) + 1);
  return counts;
}

function wrongEvents({ name, acknowledged, jobs }: TriggerJobs): string[] {
  const counts = countsOf(jobs);
  const wrong = acknowledged.filter((id) => !counts.has(id)).map((id) => `${name}: event ${id} started no job`);
  const taken = new Set(acknowledged);
  for (const [eventId, count] of counts) {
    if (count > 1) wrong.push(`${name}: event ${eventId} started ${count} jobs`);
    if (!taken.has(eventId)) wrong.push(`${name}: event ${eventId} was not for it`);
  }
  return wrong;
}
