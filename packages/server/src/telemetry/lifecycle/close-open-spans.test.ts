import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { AttemptOutcome, QuerySpansRequestSchema, SpanType, traceIdOfJob, withOrigin } from "@spanloom/protocol";
import type { SpanSchema } from "@spanloom/protocol/otlp";
import { tempDir } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "../../clock.ts";
import type { SpanStore } from "../columnar/span-store.ts";
import { highestIds } from "../ingest/ingest-ids.ts";
import { attribute, rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import type { Telemetry } from "../telemetry.ts";
import { createTelemetry } from "../telemetry-plane.ts";
import { telemetryStores } from "../testing/telemetry-stores.ts";
import { attemptRecord, fixtureId, jobRecord, LifecycleFixture, startUs, taskRecord } from "./lifecycle-fixture.ts";

type SpanInit = MessageInitShape<typeof SpanSchema>;

let jobs = 0;

/** A job with one task, whose spans are sent and whose attempts end as a test says. */
function newJobIn(store: LifecycleFixture, telemetry: Telemetry) {
  const [jobId, taskId] = [fixtureId(1_000 + ++jobs), fixtureId(2_000 + jobs)];
  const open = { endTimeUnixNano: 0n };
  const at = (us: number) => BigInt(startUs + us) * 1_000n;
  const send = async (attempt: number, ...spans: readonly [n: number, rest: SpanInit][]) => {
    const common = {
      traceId: Buffer.from(traceIdOfJob(jobId), "hex"),
      traceState: withOrigin("", { jobId, taskId, attempt }),
      startTimeUnixNano: at(2_000),
    };
    await telemetry.ingest([
      { signal: "traces", bytes: tracePayload(spans.map(([n, rest]) => span(n, { ...common, ...rest }))) },
    ]);
  };
  const end = (...outcomes: AttemptOutcome[]) => {
    const attempts = outcomes.map((outcome, i) =>
      attemptRecord(i + 1, { outcome, endedAtUs: startUs + (i + 1) * 10_000 }),
    );
    store.put(jobRecord(jobId), taskRecord(taskId, jobId, { attempts }));
    telemetry.lifecycleChanged(new Set([jobId]), new Set([taskId]));
  };
  const rows = async () => {
    const found: Record<string, unknown>[] = [];
    const request = create(QuerySpansRequestSchema, { filter: { jobIds: [jobId], types: [SpanType.USER] } });
    for await (const { ipc } of telemetry.querySpans(request, new AbortController().signal)) found.push(...rowsOf(ipc));
    return found
      .map(({ name, end_time, outcome, status, attributes, events }) => ({
        name,
        endUs: end_time === null ? undefined : Number((end_time as bigint) / 1_000n) - startUs,
        outcome,
        status,
        attributes: Object.fromEntries(attributes as [string, string][]),
        events: (events as unknown[]).length,
      }))
      .sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
  };
  return { send, end, rows, open, at };
}

describe.each(telemetryStores)("spans that an attempt left open, in %s", (_name, begin) => {
  const stack = new AsyncDisposableStack();
  const store = new LifecycleFixture();
  let telemetry: Telemetry;
  let spanStore: SpanStore;
  beforeAll(async () => {
    const dir = stack.use(tempDir());
    ({ store: spanStore } = stack.use(await begin()));
    telemetry = createTelemetry({ dataDir: dir.path, store, spanStore, clock: systemClock, log: () => undefined });
    await telemetry.start();
    stack.defer(() => telemetry.stop());
  });
  afterAll(() => stack.disposeAsync());

  const newJob = () => newJobIn(store, telemetry);

  it("end with it, and say how it ended", async () => {
    const { send, end, rows, open, at } = newJob();
    const early = { ...open, attributes: [attribute("early", 1n)], events: [{ name: "hit", timeUnixNano: at(3_000) }] };
    await send(1, [1, early], [2, { endTimeUnixNano: at(4_000) }]);
    await send(2, [3, { ...open, startTimeUnixNano: at(15_000) }]);
    end(AttemptOutcome.LOST, AttemptOutcome.SUCCESS);
    const { attributes, ...first } = (await rows())[0]!;
    expect(first).toEqual({ name: "span 1", endUs: 10_000, outcome: "lost", status: "UNSET", events: 1 });
    expect(attributes).toEqual({ early: "1", "spanloom.outcome": "lost" });
    expect((await rows()).slice(1)).toMatchObject([
      { name: "span 2", endUs: 4_000, outcome: "" },
      // Its code returned, but its process may well end it yet.
      { name: "span 3", endUs: undefined, outcome: "" },
    ]);
  });

  it.each([
    ["lost", AttemptOutcome.LOST],
    ["timeout", AttemptOutcome.TIMEOUT],
    ["cancelled", AttemptOutcome.CANCELLED],
    ["released", AttemptOutcome.RELEASED],
  ] as const)("end when it was %s", async (outcome, recorded) => {
    const { send, end, rows, open } = newJob();
    await send(1, [1, open]);
    end(recorded);
    expect(await rows()).toMatchObject([{ endUs: 10_000, outcome }]);
  });

  it("stay ended when an open version comes late, and end anew when their process tells how", async () => {
    const { send, end, rows, open, at } = newJob();
    await send(1, [1, open]);
    end(AttemptOutcome.LOST);
    await rows();
    await send(1, [1, open]);
    expect(await rows()).toMatchObject([{ endUs: 10_000, outcome: "lost" }]);
    await send(1, [1, { endTimeUnixNano: at(7_000) }]);
    expect(await rows()).toMatchObject([{ endUs: 7_000, outcome: "" }]);
    end(AttemptOutcome.LOST);
    expect(await rows()).toMatchObject([{ endUs: 7_000, outcome: "" }]);
  });

  it("never last less than zero, and leave the numbers of payloads alone", async () => {
    const { send, end, rows, open, at } = newJob();
    await send(1, [1, { ...open, startTimeUnixNano: at(90_000) }]);
    end(AttemptOutcome.LOST);
    expect(await rows()).toMatchObject([{ endUs: 90_000, outcome: "lost" }]);
    expect((await highestIds(spanStore)).seq).toBeLessThan(1_000);
  });
});
