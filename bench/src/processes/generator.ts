import { sendPayloads } from "../spans/otlp-sender.ts";
import { OtlpSink } from "../spans/otlp-sink.ts";
import { type PayloadOptions, spanPayloads } from "../spans/span-payloads.ts";
import { serveParent } from "./parent-link.ts";

let prepared: Uint8Array[] = [];
const sink = new OtlpSink();

serveParent(
  {
    /** Takes what a server's exporter sends; answers where. */
    openSink: () => sink.start(),
    /** Makes payloads and keeps them, the jobs' requests taking turns; answers their size. */
    prepare(jobs: PayloadOptions[]) {
      prepared = [...inTurns(jobs.map(spanPayloads))];
      return { requests: prepared.length, bytes: prepared.reduce((sum, { length }) => sum + length, 0) };
    },
    /** Sends what was prepared. */
    async send({ url, connections }: { url: string; connections: number }) {
      const payloads = prepared;
      prepared = [];
      return sendPayloads(url, payloads.values(), connections);
    },
    /** Makes and sends at the same time, for spans whose ingest is not measured. */
    load: ({ url, connections, job }: { url: string; connections: number; job: PayloadOptions }) =>
      sendPayloads(url, spanPayloads(job), connections),
  },
  async () => {},
);

function* inTurns<Value>(sources: Iterator<Value>[]): Generator<Value> {
  let left = sources;
  while (left.length > 0) {
    const next = left.map((source) => ({ source, result: source.next() }));
    for (const { result } of next) if (!result.done) yield result.value;
    left = next.filter(({ result }) => !result.done).map(({ source }) => source);
  }
}
