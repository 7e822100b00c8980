import type { ConnectRouter } from "@connectrpc/connect";
import {
  AttemptOutcome,
  EventService,
  EventSource,
  FiringOutcome,
  JobService,
  JobState,
  OverlapPolicy,
  RunnerService,
  RunnerState,
  TaskState,
  TriggerService,
  TriggerType,
  timestampFromUs,
  WebhookEncoding,
  WebhookHash,
  WebhookScheme,
} from "@spanloom/protocol";

/** What it is by then. */
export const cannedNowMs = Date.parse("2030-01-01T00:00:00Z");

/** A time some seconds before then. */
const ago = (seconds: number) => timestampFromUs((cannedNowMs - seconds * 1_000) * 1_000)!;
const after = (seconds: number) => ago(-seconds);
const id = (n: number) => `01900000-0000-7000-8000-${String(n).padStart(12, "0")}`;
const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

/** A name that would clear the screen, rename the window and write from right to left, were it obeyed. */
export const hostile = "evil\u001b[2J\u001b]0;owned\u0007\u009b31m\u202eeman";

const failure = {
  type: "RangeError",
  message: `out of everything: ${hostile}\nsecond line`,
  stack: `RangeError: out of everything\n    at ${hostile} (tasks.ts:1:1)`,
  retryable: false,
};

const span = { traceId: "0af7651916cd43dd8448eb211c80319c", spanId: "b7ad6b7169203331" };
const job = { queue: "default", priority: 0, attempts: 1n, span };

const succeeded = {
  ...job,
  id: id(1),
  name: "nightly report",
  state: JobState.SUCCEEDED,
  tags: { team: "billing", region: "eu-central-1" },
  counts: { succeeded: 3n },
  attempts: 4n,
  progress: [
    { label: "rows", done: 1_200n, total: 1_200n },
    { label: "", done: 3n, total: 0n },
  ],
  createdAt: ago(3_700),
  startedAt: ago(3_660),
  endedAt: ago(60),
  trigger: { type: TriggerType.SCHEDULE, schedule: "nightly", scheduleId: id(60), scheduledAt: ago(3_700) },
  outputs: [bytes({ rows: 1_200, file: "s3://reports/2029-12-31.parquet" })],
};

const failed = {
  ...job,
  id: id(2),
  name: hostile,
  state: JobState.FAILED,
  tags: { [hostile]: hostile },
  counts: { succeeded: 1n, failed: 1n, skipped: 2n },
  failure,
  failedTaskId: id(22),
  createdAt: ago(125),
  startedAt: ago(124),
  endedAt: ago(120),
};

const running = {
  ...job,
  id: id(3),
  name: "日本語のジョブ 🚀 that goes on and on until it is wider than any terminal",
  state: JobState.RUNNING,
  tags: {},
  counts: { running: 2n, queued: 40n, succeeded: 58n },
  progress: [{ label: "件", done: 58n, total: 100n }],
  createdAt: ago(31),
  startedAt: ago(30),
};

const jobs = [running, failed, succeeded];

const task = { jobId: id(2), queue: "default", span, maxAttempts: 3 };
const tasks = [
  {
    ...task,
    id: id(21),
    identifier: { name: "load", version: "1.0" },
    state: TaskState.SUCCEEDED,
    attempts: [
      { number: 1, runnerId: id(51), outcome: AttemptOutcome.SUCCESS, startedAt: ago(124), endedAt: ago(123) },
    ],
    childCount: 1,
    createdAt: ago(125),
    startedAt: ago(124),
    endedAt: ago(120),
    input: bytes({ key: "a" }),
    output: bytes([1, 2]),
  },
  {
    ...task,
    id: id(22),
    parentId: id(21),
    identifier: { name: "日本語のタスク", version: "2.1" },
    state: TaskState.FAILED,
    depth: 1,
    display: `page 7 of ${hostile}`,
    dependencyCount: 1,
    dependsOn: [id(21)],
    attempts: [
      { number: 1, runnerId: id(51), outcome: AttemptOutcome.LOST, startedAt: ago(123), endedAt: ago(122) },
      { number: 2, runnerId: id(52), outcome: AttemptOutcome.FAILURE, startedAt: ago(122), endedAt: ago(120), failure },
    ],
    progress: [{ label: "pages", done: 7n, total: 9n }],
    failure,
    createdAt: ago(124),
    startedAt: ago(123),
    endedAt: ago(120),
    input: bytes({ page: 7, note: hostile }),
  },
];

const runner = { sdkName: "spanloom", identifiers: [{ name: "load", version: "1.0" }], capacity: 4 };
const runners = [
  { ...runner, id: id(51), host: "worker-1", pid: 4_242, serviceName: "reports", queues: ["default", "slow"] },
  { ...runner, id: id(52), host: hostile, pid: 7, serviceName: "日本語", queues: ["default"], running: 4 },
].map((one, i) => ({ ...one, state: i === 0 ? RunnerState.ACTIVE : RunnerState.DRAINING, lastSeenAt: ago(i + 1) }));

const queue = { queued: 0n, throttled: 0n, scheduled: 0n, running: 0n, runners: 0n };
const queues = [
  { ...queue, queue: "default", queued: 1_234_567n, running: 8n, runners: 2n, oldestQueuedAt: ago(7_380) },
  { ...queue, queue: hostile, scheduled: 5n },
];

const firing = { sourceId: id(60), scheduledAt: ago(3_700), firedAt: ago(3_699), count: 1 };
const firings = [
  { ...firing, id: id(1), jobId: id(1), outcome: FiringOutcome.SUBMITTED, jobState: JobState.SUCCEEDED },
  { ...firing, id: id(71), outcome: FiringOutcome.FAILED, error: `cannot submit: ${hostile}` },
  { ...firing, id: id(72), outcome: FiringOutcome.MISSED, count: 12, requested: true },
];

const definition = { keepFirings: 100, createdAt: ago(86_400), updatedAt: ago(3_600), revision: 3n };
const template = (name: string) => ({
  name,
  tasks: {
    specs: [{ identifier: { name, version: "1.0" } }],
    groups: [{ inputs: [bytes({ region: "eu" })], specs: [0] }],
  },
});
const schedules = [
  {
    ...definition,
    id: id(60),
    name: "nightly",
    spec: { times: { case: "cron" as const, value: { expression: "0 3 * * *", timeZone: "Europe/Berlin" } } },
    job: template("report"),
    overlap: OverlapPolicy.SKIP,
    nextTimes: [after(7_200), after(93_600)],
    lastFiring: firings[0]!,
  },
  {
    ...definition,
    id: id(61),
    name: "paused",
    spec: { times: { case: "interval" as const, value: { every: { seconds: 90n } } } },
    job: template(hostile),
    overlap: OverlapPolicy.ALLOW,
    paused: true,
    pauseReason: `holidays ${hostile}`,
    lastFiring: firings[1]!,
    lastError: `cannot submit: ${hostile}`,
    lastErrorAt: ago(3_699),
  },
];

const triggers = [
  {
    ...definition,
    id: id(62),
    name: "ship",
    keyPattern: "order.paid",
    filter: "event.payload.amount > 100 && event.payload.country in ['DE', 'FR', 'IT']",
    input: "event.payload",
    job: template("ship-order"),
    lastFiring: { ...firings[0]!, eventId: "order-7-paid" },
  },
];

const events = [
  {
    id: "order-7-paid",
    key: "order.paid",
    payload: bytes({ id: 7, amount: 120, note: hostile }),
    metadata: { by: hostile },
    source: EventSource.WEBHOOK,
    webhook: "shop",
    receivedAt: ago(90),
    matched: true,
    firings: [{ ...firings[0]!, eventId: "order-7-paid" }],
  },
  { id: hostile, key: hostile, payload: bytes(null), source: EventSource.PUBLISHED, receivedAt: ago(80) },
];

const webhooks = [
  {
    id: id(80),
    name: "shop",
    scheme: WebhookScheme.HMAC,
    hmac: {
      signatureHeader: "x-sig",
      prefix: "v1=",
      hash: WebhookHash.SHA256,
      encoding: WebhookEncoding.HEX,
      signed: "{body}",
    },
    secretEnv: ["SHOP_SECRET"],
    storedSecrets: 2,
    key: "order.{payload.kind}",
    headers: ["x-shop"],
    maxBodyBytes: 1_048_576,
    path: "/hooks/shop",
    createdAt: ago(86_400),
    updatedAt: ago(3_600),
    revision: 1n,
    paused: true,
  },
];

/** Answers of a server that has a little of everything, some of it named by somebody who means harm. */
export function cannedAnswers({ service }: ConnectRouter): void {
  service(JobService, {
    submitJob: () => ({ job: running }),
    getJob: ({ jobId }) => ({ job: jobs.find((one) => one.id === jobId) ?? succeeded }),
    listJobs: () => ({ jobs }),
    async *watchJob() {
      yield { job: running };
      yield { job: succeeded };
    },
    waitJobs: ({ jobIds }) => ({
      jobs: jobIds.map((jobId) => jobs.find((one) => one.id === jobId) ?? { ...succeeded, id: jobId }),
    }),
    listTasks: () => ({ tasks }),
    getTask: ({ taskId }) => ({ task: tasks.find((one) => one.id === taskId) ?? tasks[0]! }),
    cancelJob: () => ({ job: { ...running, state: JobState.CANCELLING } }),
    retryJob: () => ({ job: running, retried: 3n }),
    cloneJob: () => ({ job: running }),
    countJobs: () => ({ counts: [] }),
    getQueueStats: () => ({ queues }),
  });
  service(RunnerService, { listRunners: () => ({ runners }), drainRunner: () => ({}) });
  service(TriggerService, {
    putSchedule: () => ({ schedule: schedules[0]!, created: true, changed: true }),
    getSchedule: ({ name }) => ({ schedule: schedules.find((one) => one.name === name) ?? schedules[0]! }),
    listSchedules: () => ({ schedules }),
    deleteSchedule: () => ({ deleted: true }),
    pauseSchedule: () => ({ schedule: schedules[1]! }),
    resumeSchedule: () => ({ schedule: schedules[0]! }),
    previewSchedule: () => ({ times: schedules.flatMap((one) => ("nextTimes" in one ? one.nextTimes : [])) }),
    testTrigger: () => ({ matches: true, job: triggers[0]!.job }),
    fireSchedule: () => ({ firing: firings[0]! }),
    backfillSchedule: () => ({ firings, fired: 1 }),
    putTrigger: () => ({ trigger: triggers[0]!, created: true, changed: true }),
    getTrigger: () => ({ trigger: triggers[0]! }),
    listTriggers: () => ({ triggers }),
    deleteTrigger: () => ({ deleted: false }),
    pauseTrigger: () => ({ trigger: { ...triggers[0]!, paused: true } }),
    resumeTrigger: () => ({ trigger: triggers[0]! }),
    listFirings: () => ({ firings }),
  });
  service(EventService, {
    publishEvents: () => ({ eventIds: ["order-7-paid"] }),
    getEvent: () => ({ event: events[0]! }),
    listEvents: () => ({ events }),
    replayEvents: () => ({ eventIds: ["a", "b"] }),
    putWebhook: () => ({ webhook: webhooks[0]!, created: true, changed: true }),
    getWebhook: () => ({ webhook: webhooks[0]! }),
    listWebhooks: () => ({ webhooks }),
    deleteWebhook: () => ({ deleted: true }),
  });
}
