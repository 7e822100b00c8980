import { fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { SpanloomError, withOrigin } from "@spanloom/protocol";
import { ExportLogsServiceRequestSchema, ExportTraceServiceRequestSchema, SpanSchema } from "@spanloom/protocol/otlp";
import { FakeClock } from "@spanloom/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { attribute, idBytes, logPayload, logRecord, tracePayload } from "../ingest/otlp-fixture.ts";
import { attemptRecord, fixtureId, jobRecord, LifecycleFixture, taskRecord } from "../lifecycle/lifecycle-fixture.ts";
import { TimeCorrection } from "./time-correction.ts";

const runner = fixtureId(9);
const taskId = fixtureId(2);
const jobId = fixtureId(1);
const SECOND = 1_000_000;
const HOUR = 3_600 * SECOND;
const tracestate = withOrigin("", { jobId, taskId, attempt: 1 });

type SpanInit = MessageInitShape<typeof SpanSchema>;

/** A server whose clock stands at the lease of an attempt, and its runner, whose clock is off by `offUs`. */
function setUp(offUs = 0) {
  const clock = new FakeClock();
  const store = new LifecycleFixture();
  const times = new TimeCorrection({ store, clock });
  const leasedAtUs = clock.nowUs();
  times.leased([{ taskId, attempt: 1, leasedAtUs }]);
  const theirs = (us: number) => BigInt(Math.round(leasedAtUs + us + offUs)) * 1000n;
  const ours = (ns: bigint) => Number(ns / 1000n) - leasedAtUs;
  const beat = (off = offUs) => times.heard(runner, clock.nowUs() + off);
  /** A span of the attempt from `from` to `to` after the lease, by the runner's clock; open without `to`. */
  const span = (n: number, from: number, to?: number, rest: SpanInit = {}): SpanInit => ({
    traceId: idBytes(16, 1),
    spanId: idBytes(8, n),
    traceState: tracestate,
    name: `span ${n}`,
    startTimeUnixNano: theirs(from),
    endTimeUnixNano: to === undefined ? 0n : theirs(to),
    ...rest,
  });
  const send = async (...spans: SpanInit[]) => {
    const bytes = tracePayload(spans);
    await times.correct({ runnerId: runner }, [{ signal: "traces", bytes }]);
    return fromBinary(ExportTraceServiceRequestSchema, bytes)
      .resourceSpans.flatMap(({ scopeSpans }) => scopeSpans.flatMap((scope) => scope.spans))
      .map((each) => ({
        from: ours(each.startTimeUnixNano),
        to: each.endTimeUnixNano === 0n ? undefined : ours(each.endTimeUnixNano),
        events: each.events.map(({ timeUnixNano }) => ours(timeUnixNano)),
      }));
  };
  return { clock, store, times, theirs, ours, beat, span, send };
}

describe("times of a runner", () => {
  it("stay as they were sent when its clock is right", async () => {
    const { clock, span, send, beat } = setUp();
    beat();
    clock.advance(100);
    const events = [{ name: "hit", timeUnixNano: 1_767_225_600_010_000_001n }];
    expect(await send(span(1, 5_000, 90_000, { events }))).toEqual([{ from: 5_000, to: 90_000, events: [10_000] }]);
  });

  it.each([3 * HOUR, -3 * HOUR, 30 * SECOND, -30 * SECOND])(
    "are moved by what its heartbeats say: %d us",
    async (off) => {
      const { clock, span, send, beat, theirs } = setUp(off);
      beat();
      clock.advance(100);
      const events = [{ name: "hit", timeUnixNano: theirs(20_000) }];
      const [outer, inner] = await send(span(1, 1_000, 90_000), span(2, 10_000, 40_000, { events }));
      expect(outer).toEqual({ from: 1_000, to: 90_000, events: [] });
      expect(inner).toEqual({ from: 10_000, to: 40_000, events: [20_000] });
    },
  );

  it.each([3 * HOUR, -3 * HOUR])("fit between lease and receipt before it was heard of: %d us", async (off) => {
    const { clock, span, send } = setUp(off);
    clock.advance(100);
    const [outer, inner] = await send(span(1, 1_000, 90_000), span(2, 10_000, 40_000));
    expect(outer!.from).toBeGreaterThanOrEqual(0);
    expect(outer!.to).toBeLessThanOrEqual(100_000);
    expect(outer!.to! - outer!.from).toBe(89_000);
    expect(inner!.from - outer!.from).toBe(9_000);
  });

  it("are moved as a whole where heartbeats leave a second open", async () => {
    for (const off of [-400_000, 400_000]) {
      const { clock, span, send, beat } = setUp(off);
      clock.advance(50);
      beat(off === 400_000 ? 0 : off);
      clock.advance(50);
      const [only] = await send(span(1, 1_000, 90_000), span(2, 10_000, 40_000));
      expect(only!.to! - only!.from).toBe(89_000);
      expect(only!.from).toBeGreaterThanOrEqual(0);
      expect(only!.to).toBeLessThanOrEqual(100_000);
    }
  });

  it("are cut at the lease and the receipt one by one, when the code made them up", async () => {
    const { clock, span, send, beat } = setUp();
    beat();
    clock.advance(100);
    const [past, future, backwards, right] = await send(
      span(1, -HOUR, 50_000),
      span(2, 10_000, HOUR),
      span(3, 60_000, 20_000),
      span(4, 7_000, 8_000),
    );
    expect(past).toMatchObject({ from: 0, to: 50_000 });
    expect(future).toMatchObject({ from: 10_000, to: 100_000 });
    expect(backwards).toMatchObject({ from: 60_000, to: 60_000 });
    expect(right).toMatchObject({ from: 7_000, to: 8_000 });
  });

  it("give a span that comes open and then ended, or twice, one start, also over a jump of the clock", async () => {
    for (const jump of [0, 2 * HOUR, -2 * HOUR]) {
      const { clock, span, send, beat } = setUp();
      beat();
      clock.advance(3_000);
      const [open] = await send(span(1, 1_000));
      expect(open).toMatchObject({ from: 1_000, to: undefined });
      for (let i = 0; i < 4; i++) {
        clock.advance(5_000);
        beat(jump);
      }
      const ended = span(1, 1_000, 22 * SECOND + jump);
      for (let i = 0; i < 2; i++) {
        clock.advance(10);
        expect(await send(ended)).toEqual([{ from: 1_000, to: expect.any(Number), events: [] }]);
      }
      const [later] = await send(span(2, 21 * SECOND + jump, 22 * SECOND + jump));
      expect(later!.from / SECOND).toBeCloseTo(21, 0);
      expect(later!.to! - later!.from).toBe(SECOND);
    }
  });

  it("keep their order and lie between lease and receipt, whatever the clock does", async () => {
    const jumps = fc.constantFrom(0, 0, 0, 3 * HOUR, -3 * HOUR, 20 * SECOND, -20 * SECOND, 300_000, -300_000);
    const step = fc.record({ jump: jumps, late: fc.integer({ min: 0, max: 800 }) });
    const run = fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
      const { clock, times, span, send } = setUp();
      let off = 0;
      for (const [i, { jump, late }] of steps.entries()) {
        off += jump;
        const sentAtUs = clock.nowUs() + off;
        clock.advance(late);
        times.heard(runner, sentAtUs);
        clock.advance(5_000);
        const nowUs = clock.nowUs() - Date.UTC(2026, 0, 1) * 1000;
        const [parent, child] = await send(
          span(2 * i + 1, nowUs - 4 * SECOND + off, nowUs - SECOND + off),
          span(2 * i + 2, nowUs - 3 * SECOND + off, nowUs - 2 * SECOND + off),
        );
        for (const { from, to } of [parent!, child!]) {
          expect(from).toBeGreaterThanOrEqual(0);
          expect(to).toBeGreaterThanOrEqual(from);
          expect(to).toBeLessThanOrEqual(nowUs);
        }
        expect(child!.from).toBeGreaterThanOrEqual(parent!.from);
      }
    });
    await fc.assert(run, { numRuns: 300 });
  });

  it("of logs are corrected too, which name their attempt by attributes", async () => {
    const { clock, times, theirs, ours, beat } = setUp(-HOUR);
    beat();
    clock.advance(100);
    const attributes = [attribute("spanloom.task.id", taskId), attribute("spanloom.task.attempt", 1n)];
    const at = (us: number) => ({ timeUnixNano: theirs(us), observedTimeUnixNano: theirs(us + 1_000), attributes });
    const bytes = logPayload([logRecord(1, at(3_000)), logRecord(2, at(-HOUR))]);
    await times.correct({ runnerId: runner }, [{ signal: "logs", bytes }]);
    const [first, early] = fromBinary(ExportLogsServiceRequestSchema, bytes).resourceLogs[0]!.scopeLogs[0]!.logRecords;
    expect(ours(first!.timeUnixNano)).toBe(3_000);
    expect(ours(first!.observedTimeUnixNano)).toBe(4_000);
    expect(ours(early!.timeUnixNano)).toBe(0);
  });

  it("are told on the attempt's span by how much they were off, and its events are corrected", () => {
    const { clock, times, theirs, ours, beat } = setUp(-HOUR);
    beat();
    clock.advance(100);
    const extras = tracePayloadSpan({ events: [{ name: "cache miss", timeUnixNano: theirs(9_000) }] });
    const corrected = fromBinary(SpanSchema, times.correctExtras({ runnerId: runner }, { taskId, attempt: 1 }, extras));
    expect(ours(corrected.events[0]!.timeUnixNano)).toBe(9_000);
    expect(corrected.attributes).toMatchObject([
      { key: "spanloom.clock_offset_ms", value: { value: { case: "doubleValue", value: 3_600_000 } } },
    ]);
    const none = setUp();
    none.beat();
    const untouched = new Uint8Array();
    expect(none.times.correctExtras({ runnerId: runner }, { taskId, attempt: 1 }, untouched)).toBe(untouched);
  });

  it("are only cut when their runner knows the server's clock: at every server alike", async () => {
    const { clock, store, times, span, ours, beat } = setUp();
    const leasedAtUs = clock.nowUs();
    store.put(jobRecord(jobId), taskRecord(taskId, jobId, { attempts: [attemptRecord(1, { leasedAtUs })] }));
    beat(HOUR);
    clock.advance(3_000);
    const sender = { runnerId: runner, clockOffsetUs: -HOUR };
    const startsAt = async (server: TimeCorrection) => {
      const bytes = tracePayload([span(1, 1_000), span(2, -2_000), span(3, 2_000, 2 * SECOND)]);
      await server.correct(sender, [{ signal: "traces", bytes }]);
      const { spans } = fromBinary(ExportTraceServiceRequestSchema, bytes).resourceSpans[0]!.scopeSpans[0]!;
      return spans.map((sent) => ours(sent.startTimeUnixNano));
    };
    expect(await startsAt(times)).toEqual([1_000, 0, 2_000]);
    clock.advance(5_000);
    expect(await startsAt(new TimeCorrection({ store, clock }))).toEqual([1_000, 0, 2_000]);
    const extras = times.correctExtras(sender, { taskId, attempt: 1 }, new Uint8Array());
    expect(fromBinary(SpanSchema, extras).attributes).toMatchObject([
      { key: "spanloom.clock_offset_ms", value: { value: { case: "doubleValue", value: -3_600_000 } } },
    ]);
  });

  it("are those of their own attempts where attempts take turns, whatever else their trace states hold", async () => {
    const { clock, times, ours, span } = setUp();
    const leased = [0, 2_000, 4_000].map((laterUs, i) => ({
      taskId: fixtureId(20 + i),
      attempt: 10 ** i,
      leasedAtUs: clock.nowUs() + laterUs,
    }));
    times.leased(leased);
    clock.advance(100);
    const others = ["", "vendor=1", `vendor=1,${withOrigin("", { jobId, taskId, attempt: 9 })}`];
    const sent = [0, 1, 2, 0, 2, 1, 1, 0].flatMap((i, turn) => {
      const { taskId: id, attempt } = leased[i]!;
      const traceState = withOrigin(others[turn % 3]!, { jobId, taskId: id, attempt });
      return [span(2 * turn, 0, 50_000, { traceState }), span(2 * turn + 1, -turn, 50_000, { traceState })];
    });
    const bytes = tracePayload(sent);
    await times.correct({ runnerId: runner, clockOffsetUs: 0 }, [{ signal: "traces", bytes }]);
    const { spans } = fromBinary(ExportTraceServiceRequestSchema, bytes).resourceSpans[0]!.scopeSpans[0]!;
    expect(spans.map(({ startTimeUnixNano }) => ours(startTimeUnixNano))).toEqual(
      [0, 2_000, 4_000, 0, 4_000, 2_000, 2_000, 0].flatMap((at) => [at, at]),
    );
  });

  it("are cut at the lease that the record knows, after a restart", async () => {
    const { clock, store, span, ours } = setUp();
    const leasedAtUs = clock.nowUs();
    store.put(jobRecord(jobId), taskRecord(taskId, jobId, { attempts: [attemptRecord(1, { leasedAtUs })] }));
    const restarted = new TimeCorrection({ store, clock });
    clock.advance(100);
    const bytes = tracePayload([span(1, -HOUR, 10_000)]);
    await restarted.correct({ runnerId: runner }, [{ signal: "traces", bytes }]);
    const [sent] = fromBinary(ExportTraceServiceRequestSchema, bytes).resourceSpans[0]!.scopeSpans[0]!.spans;
    expect(ours(sent!.startTimeUnixNano)).toBe(0);
    expect(store.reads).toBe(1);
  });

  it("are left alone in what is malformed, and a store that is away costs nothing", async () => {
    const { clock, store, span } = setUp();
    const malformed = Uint8Array.of(0x0a, 0xff);
    const bytes = tracePayload([span(1, 1_000, 2_000, { traceState: withOrigin("", { jobId, taskId, attempt: 7 }) })]);
    store.readLifecycle = () => Promise.reject(new SpanloomError("STORE_UNAVAILABLE", "cannot read: away"));
    clock.advance(100);
    const correcting = new TimeCorrection({ store, clock }).correct({ runnerId: runner }, [
      { signal: "traces", bytes: malformed },
      { signal: "traces", bytes },
    ]);
    await expect(correcting).resolves.toBeUndefined();
    expect(malformed).toEqual(Uint8Array.of(0x0a, 0xff));
  });
});

function tracePayloadSpan(init: SpanInit): Uint8Array {
  const message = fromBinary(ExportTraceServiceRequestSchema, tracePayload([init]));
  return toBinary(SpanSchema, message.resourceSpans[0]!.scopeSpans[0]!.spans[0]!);
}
