import { join } from "node:path";
import { SpanloomError } from "@spanloom/protocol";
import { tempDir } from "@spanloom/testing";
import { tableFromIPC } from "apache-arrow";
import { expect, it } from "vitest";
import { systemClock } from "../../clock.ts";
import { ChdbSpanStore } from "../columnar/chdb/index.ts";
import { span, tracePayload } from "../ingest/otlp-fixture.ts";
import { LifecycleFixture } from "../lifecycle/lifecycle-fixture.ts";
import type { ArrivalPosition } from "../telemetry.ts";
import { createTelemetry } from "../telemetry-plane.ts";
import { ArrivalReader } from "./arrivals.ts";

const SPANS = 3_000;

it("asks for fewer rows when the engine has no room for as many", async () => {
  const asked: unknown[] = [];
  const reader = new ArrivalReader({
    store: {
      async *stream({ params }) {
        asked.push(Object.values(params).at(-1));
        yield* [];
        throw new SpanloomError("OVERLOADED", "cannot run the query: no memory");
      },
    },
    barrier: async () => true,
    clock: systemClock,
  });
  const limits = { maxRows: 4_096, maxBytes: 1024 ** 2, signal: new AbortController().signal };
  for (let i = 0; i < 5; i++)
    await expect(reader.page("spans", { us: 0n, place: "" }, 1n, limits)).rejects.toThrow("no memory");
  expect(asked.map(Number)).toEqual([1024, 128, 16, 2, 1]);
});

it.each([
  ["rows", { maxRows: 700, maxBytes: 64 * 1024 ** 2 }],
  ["bytes", { maxRows: 10_000, maxBytes: 128 * 1024 }],
])("a page ends at its limit of %s, and the next goes on behind it", async (_, limits) => {
  using dir = tempDir();
  const spanStore = new ChdbSpanStore({ dataDir: join(dir.path, "telemetry"), retentionDays: 10_000 });
  const telemetry = createTelemetry({
    dataDir: dir.path,
    store: new LifecycleFixture(),
    spanStore,
    clock: systemClock,
    log: () => undefined,
  });
  await telemetry.start();
  const spans = Array.from({ length: SPANS }, (_each, i) => span(i + 1));
  await telemetry.ingest([{ signal: "traces", bytes: tracePayload(spans) }]);
  await telemetry.arrivals.horizon();
  const untilUs = BigInt(systemClock.nowUs()) + 60_000_000n;
  const pages: number[] = [];
  const places: string[] = [];
  for (let from: ArrivalPosition = { us: 0n, place: "" }; from.us < untilUs; ) {
    const { signal } = new AbortController();
    const page = await telemetry.arrivals.page("spans", from, untilUs, { ...limits, signal });
    const read = page.batches.flatMap(({ ipc }) => Array.from(tableFromIPC(ipc).getChild("place") ?? []) as string[]);
    pages.push(read.length);
    places.push(...read);
    from = page.position;
  }
  expect(pages.length).toBeGreaterThan(3);
  expect(Math.max(...pages)).toBeLessThan(SPANS / 2);
  expect(new Set(places).size).toBe(SPANS);
  expect(places).toHaveLength(SPANS);
  await telemetry.stop();
});
