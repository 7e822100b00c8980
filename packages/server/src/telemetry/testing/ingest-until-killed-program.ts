import { systemClock } from "../../clock.ts";
import { ChdbSpanStore } from "../columnar/chdb/index.ts";
import { attribute, logPayload, logRecord, span, tracePayload } from "../ingest/otlp-fixture.ts";
import { LifecycleFixture } from "../lifecycle/lifecycle-fixture.ts";
import { createTelemetry } from "../telemetry-plane.ts";

/**
 * Test program: ingests into the folder given until it is killed, and prints a number for each payload acknowledged.
 *
 * Payload n carries span n and log record n, so what was acknowledged can be looked for by name.
 */
const dataDir = process.argv[2]!;
const first = Number(process.argv[3]);
const telemetry = createTelemetry({
  dataDir,
  store: new LifecycleFixture(),
  spanStore: new ChdbSpanStore({ dataDir: `${dataDir}/telemetry`, retentionDays: 10_000 }),
  clock: systemClock,
  log: (line) => process.stderr.write(`${line}\n`),
});
await telemetry.start();

async function ingest(n: number): Promise<void> {
  const spans = tracePayload([span(n, { attributes: [attribute("n", BigInt(n))] })]);
  const logs = logPayload([logRecord(n)]);
  await telemetry.ingest([
    { signal: "traces", bytes: spans },
    { signal: "logs", bytes: logs },
  ]);
  process.stdout.write(`${n}\n`);
}

for (let n = first; ; n += 10) await Promise.all(Array.from({ length: 10 }, (_, i) => ingest(n + i)));
