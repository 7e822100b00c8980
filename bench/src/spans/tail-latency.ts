import { setTimeout as delay } from "node:timers/promises";
import { QueryClient } from "@spanloom/query";

/** From before a span and a log record were sent, one of each a round, until a tail gave them, in milliseconds. */
export interface TailLatency {
  spansMs: number[];
  logsMs: number[];
}

/** Where to follow, where to send and how often. */
export interface TailLatencyOptions {
  url: string;
  sendTo: string;
  rounds: number;
}

/** A round begins at any time between two looks of the server. */
const PAUSE_MS = 400;

/** Sends spans and log records one by one to one server, and times how long it takes until a tail at another has them. */
export async function measureTailLatency({ url, sendTo, rounds }: TailLatencyOptions): Promise<TailLatency> {
  const probe = crypto.randomUUID();
  const stop = new AbortController();
  const { signal } = stop;
  const query = new QueryClient({ url });
  const spans = new Arrivals();
  const logs = new Arrivals();
  const name = { prefix: probe };
  const ended = Promise.all([
    spans.follow(query.spans({ name }).columns("name").tail().stream({ signal }), "name"),
    logs.follow(query.logs({ body: name }).columns("body").tail().stream({ signal }), "body"),
  ]);
  // The first looks open what they read from.
  await delay(2_000);
  const latency: TailLatency = { spansMs: [], logsMs: [] };
  for (let round = 0; round < rounds; round++) {
    await delay(Math.random() * PAUSE_MS);
    const text = `${probe}-${round}`;
    const [span, log] = [spans.of(text), logs.of(text)];
    const startedAtMs = performance.now();
    await send(sendTo, text);
    latency.spansMs.push((await span) - startedAtMs);
    latency.logsMs.push((await log) - startedAtMs);
  }
  stop.abort();
  await ended;
  return latency;
}

/** Opens tails that nobody sends to, and gives what ends them. */
export function openTails(url: string, count: number): () => Promise<void> {
  const stop = new AbortController();
  const query = new QueryClient({ url });
  const ended = Promise.all(
    Array.from({ length: count }, async () => {
      const tail = query.spans({ type: "attempt" }).tail();
      for await (const _ of tail.stream({ signal: stop.signal }));
    }),
  );
  return async () => {
    stop.abort();
    await ended;
  };
}

/** A batch that has a column of text. */
interface Batch<Column extends string> {
  getChild(name: Column): Iterable<string | null> | null;
}

/** When texts came. */
class Arrivals {
  readonly #waiting = new Map<string, (atMs: number) => void>();

  of(text: string): Promise<number> {
    return new Promise((resolve) => this.#waiting.set(text, resolve));
  }

  async follow<Column extends string>(batches: AsyncIterable<Batch<Column>>, column: Column): Promise<void> {
    for await (const batch of batches) {
      const atMs = performance.now();
      for (const text of batch.getChild(column) ?? []) this.#waiting.get(text ?? "")?.(atMs);
    }
  }
}

async function send(url: string, text: string): Promise<void> {
  const nowNs = String(BigInt(Date.now()) * 1_000_000n);
  const ids = { traceId: hex(16), spanId: hex(8) };
  const span = { ...ids, name: text, kind: 1, startTimeUnixNano: nowNs, endTimeUnixNano: nowNs };
  const record = { ...ids, timeUnixNano: nowNs, severityNumber: 9, body: { stringValue: text } };
  const bodies = {
    traces: { resourceSpans: [{ scopeSpans: [{ spans: [span] }] }] },
    logs: { resourceLogs: [{ scopeLogs: [{ logRecords: [record] }] }] },
  };
  for (const [signal, body] of Object.entries(bodies)) {
    const headers = { "content-type": "application/json" };
    const answer = await fetch(`${url}/v1/${signal}`, { method: "POST", headers, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(`cannot send ${signal}: ${answer.status} ${await answer.text()}`);
  }
}

function hex(bytes: number): string {
  return Buffer.from(crypto.getRandomValues(new Uint8Array(bytes))).toString("hex");
}
