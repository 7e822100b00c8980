import { QueryClient } from "@spanloom/query";
import { Client } from "@spanloom/sdk";
import {
  measureBigJob,
  measureChain,
  measureFanOut,
  measureLatency,
  measureSingles,
  measureTracedFanOut,
} from "../dispatch/measures.ts";
import { Load, type LoadOptions } from "../soak/load.ts";
import { AnswerLatency } from "../spans/answer-latency.ts";
import { LeaseLatency } from "../spans/lease-latency.ts";
import { countSpans, measureAggregate, measureStream, measureToArrow, measureToJson } from "../spans/measures.ts";
import { measureTailLatency, openTails, type TailLatencyOptions } from "../spans/tail-latency.ts";
import {
  deleteTriggers,
  type EventPlan,
  publishBulk,
  publishSteadily,
  putTriggers,
  type TriggerPlan,
} from "../triggers/event-load.ts";
import { type FiringRange, putSchedules, readFirings, type SchedulePlan } from "../triggers/schedule-load.ts";
import { makeWaterfallJob } from "../waterfall/waterfall-job.ts";
import { LogTap } from "./memory-sample.ts";
import { serveParent } from "./parent-link.ts";

let client: Client | undefined;
let query: QueryClient | undefined;
let load: Load | undefined;
let leases: LeaseLatency | undefined;
let answers: AnswerLatency | undefined;
let endTails = async () => {};
const tap = new LogTap();

const jobs = () => started(client);
const spans = () => started(query);

serveParent(
  {
    /** Connects to a server. */
    start({ url }: { url: string }) {
      client = new Client({ url });
      query = new QueryClient({ url });
    },
    fanOut: ({ children }: { children: number }) => measureFanOut(jobs(), children),
    tracedFanOut: (sizes: { children: number; sampled: boolean }) => measureTracedFanOut(jobs(), sizes),
    bigJob: (sizes: { branches: number; children: number }) => measureBigJob(jobs(), sizes),
    chain: ({ steps }: { steps: number }) => measureChain(jobs(), steps),
    latency: (sizes: { jobs: number }) => measureLatency(jobs(), sizes.jobs),
    singles: (sizes: { jobs: number; concurrency: number }) => measureSingles(jobs(), sizes),
    countSpans: (sizes: { jobIds: string[] }) => countSpans(spans(), sizes.jobIds),
    aggregate: () => measureAggregate(spans()),
    toArrow: (sizes: { jobId: string; narrow: boolean }) => measureToArrow(spans(), sizes),
    toJson: (how: { jobId: string; folder: string }) => measureToJson(spans(), how),
    stream: ({ jobId }: { jobId: string }) => measureStream(spans(), jobId),
    tailLatency: (options: TailLatencyOptions) => measureTailLatency(options),
    /** Opens tails; those that are open end. */
    async openTails({ url, count }: { url: string; count: number }) {
      await endTails();
      endTails = openTails(url, count);
    },
    /** Starts to lease tasks; one at a time. */
    startLeases({ url, lanes }: { url: string; lanes?: number }) {
      leases = new LeaseLatency(url, lanes);
    },
    takeLeases: () => started(leases).take(),
    async stopLeases() {
      await started(leases).stop();
      await answers?.stop();
    },
    /** Starts to ask for the server's health; one at a time. */
    startAnswers({ url }: { url: string }) {
      answers = new AnswerLatency(url);
    },
    takeAnswers: () => started(answers).take(),
    waterfallJob: (sizes: { children: number }) => makeWaterfallJob(jobs(), spans(), sizes),
    putSchedules: (plan: SchedulePlan) => putSchedules(plan),
    readFirings: (range: FiringRange) => readFirings(range),
    putTriggers: (plan: TriggerPlan) => putTriggers(plan),
    deleteTriggers: (plan: TriggerPlan) => deleteTriggers(plan),
    publishBulk: (plan: EventPlan) => publishBulk(plan),
    publishSteadily: (plan: Parameters<typeof publishSteadily>[0]) => publishSteadily(plan),
    /** Starts a steady load; one at a time. */
    load(options: LoadOptions) {
      load = new Load(jobs(), options);
    },
    loadSample: () => started(load).sample(),
    stopLoad: () => started(load).stop(),
    memory: (how: { collect: boolean }) => tap.sample(how),
  },
  async () => client?.close(),
);

function started<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error("cannot measure: the client has not been started");
  return part;
}
