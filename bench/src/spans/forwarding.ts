import { setTimeout as delay } from "node:timers/promises";
import { median, percentile, rounded } from "../measure/statistics.ts";
import type { BenchOptions } from "../options.ts";
import { BenchProcess } from "../processes/bench-process.ts";
import type { PayloadOptions } from "./span-payloads.ts";

/** What forwarding to an exporter gives and costs. */
export interface ForwardFigures {
  /** While it catches up, over loopback OTLP. */
  spansPerSec: number;
  /** Of the server, all threads, in microseconds. */
  cpuUsPerSpan: number;
  /** 99th percentile of `LeaseTasks` while it catches up, by that while nothing is forwarded. */
  leaseP99Ratio: number;
  /** The same of `GET /healthz`, which does nothing: how long the server's thread is busy with one thing. */
  answerP99Ms: { idle: number; forwarding: number };
}

/** What a measure is made of. */
export interface ForwardBench {
  options: BenchOptions;
  dataDir: string;
  newJob: (spans: number) => PayloadOptions;
}

const SPANS = 200_000;
const ROUNDS = 3;
const WARM_UP_MS = 2_000;
/** About as long as catching up lasts. */
const IDLE_MS = 5_000;
const CONNECTIONS = 4;
const LOOK_MS = 20;
/** After the last insert, until its merges are through for the most part. */
const SETTLE_MS = 3_000;

interface Round {
  seconds: number;
  cpuSeconds: number;
  idle: Times;
  forwarding: Times;
}

interface Times {
  leases: number[];
  answers: number[];
}

/** Stores spans while the backend takes nothing, then lets it take them; leases before and meanwhile, in turn. */
export async function measureForwarding(bench: ForwardBench): Promise<ForwardFigures> {
  const { options, dataDir } = bench;
  const profile = options.cpuProfDir ? { cpuProfDir: options.cpuProfDir } : {};
  await using server = new BenchProcess({ name: "server", ...profile });
  await using client = new BenchProcess({ name: "client" });
  await using generator = new BenchProcess({ name: "generator" });
  const exportTo = await generator.call<string>("openSink");
  const url = await server.call<string>("start", { dataDir, exportTo });
  await client.call("startLeases", { url });
  await client.call("startAnswers", { url });
  await delay(WARM_UP_MS);
  const rounds: Round[] = [];
  const spans = Math.round(SPANS * options.scale);
  for (let i = 0; i < ROUNDS * options.repeat; i++) {
    const job = bench.newJob(spans);
    rounds.push(await measureRound({ server, client, generator, url, scale: options.scale }, job));
    const { seconds, cpuSeconds } = rounds.at(-1)!;
    options.note(`forward: ${spans} spans in ${seconds.toFixed(2)} s, server CPU ${cpuSeconds.toFixed(2)} s`);
  }
  await client.call("stopLeases", {});
  return figuresOf(rounds, spans, options.note);
}

interface Parties {
  server: BenchProcess;
  client: BenchProcess;
  generator: BenchProcess;
  url: string;
  scale: number;
}

async function measureRound({ server, client, generator, url, scale }: Parties, job: PayloadOptions): Promise<Round> {
  const forwarded = await server.call<number>("forwarded");
  await generator.call("load", { url, connections: CONNECTIONS, job });
  await delay(SETTLE_MS);
  await take(client);
  await delay(IDLE_MS * scale);
  const idle = await take(client);
  const before = await server.usage();
  const startedAtMs = performance.now();
  await server.call("openGate");
  while ((await server.call<number>("forwarded")) < forwarded + job.spans) await delay(LOOK_MS);
  const seconds = (performance.now() - startedAtMs) / 1000;
  const { cpuSeconds } = await server.usage();
  const forwarding = await take(client);
  await server.call("closeGate");
  return { seconds, cpuSeconds: cpuSeconds - before.cpuSeconds, idle, forwarding };
}

async function take(client: BenchProcess): Promise<Times> {
  const [leases, answers] = await Promise.all([
    client.call<number[]>("takeLeases", {}),
    client.call<number[]>("takeAnswers", {}),
  ]);
  return { leases, answers };
}

function figuresOf(rounds: readonly Round[], spans: number, note: (line: string) => void): ForwardFigures {
  const p99 = (when: "idle" | "forwarding", what: keyof Times) => {
    const times = rounds.flatMap((round) => round[when][what]);
    note(
      `${what}, ${when}: p50 ${percentile(times, 0.5).toFixed(2)} ms, p99 ${percentile(times, 0.99).toFixed(2)} ms of ${times.length}`,
    );
    return percentile(times, 0.99);
  };
  return {
    spansPerSec: rounded(median(rounds.map(({ seconds }) => spans / seconds))),
    // Leasing goes on beside it, and is in it.
    cpuUsPerSpan: rounded(median(rounds.map(({ cpuSeconds }) => (1e6 * cpuSeconds) / spans))),
    leaseP99Ratio: rounded(p99("forwarding", "leases") / p99("idle", "leases")),
    answerP99Ms: { idle: rounded(p99("idle", "answers")), forwarding: rounded(p99("forwarding", "answers")) },
  };
}
