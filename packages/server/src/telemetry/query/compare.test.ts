import { readFileSync } from "node:fs";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { CompareJobsRequestSchema } from "@spanloom/protocol";
import { tableFromIPC } from "apache-arrow";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { SpanStore } from "../columnar/span-store.ts";
import { attribute, rowsOf, span, tracePayload } from "../ingest/otlp-fixture.ts";
import { OtlpReader } from "../ingest/otlp-reader.ts";
import { insertSpans, type TestedStore, telemetryStores } from "../testing/telemetry-stores.ts";
import { planComparison } from "./compare-plan.ts";

const jobId = (n: number) => `0198c0de-0000-7000-8000-00000000000${n}`;
const plan = (base: string, other: string) =>
  planComparison(create(CompareJobsRequestSchema, { baseJobId: base, otherJobId: other }), new Map());

interface Sample {
  name: string;
  durationNs?: bigint;
  isError?: boolean;
}

let ids = 0;

/** Spans of a job, in its own trace. */
function payloadOf(job: number, samples: readonly Sample[]): Uint8Array {
  const spans = samples.map(({ name, durationNs, isError = false }) => {
    const startTimeUnixNano = 1_767_225_600_000_000_000n + BigInt(++ids);
    return span(ids, {
      traceId: Uint8Array.from(Buffer.from(jobId(job).replaceAll("-", ""), "hex")),
      name,
      startTimeUnixNano,
      endTimeUnixNano: durationNs === undefined ? 0n : startTimeUnixNano + durationNs,
      status: { code: isError ? 2 : 0 },
      attributes: ids % 2 === 0 ? [attribute("spanloom.job.id", jobId(job))] : [],
    });
  });
  return tracePayload(spans);
}

for (const [kind, start] of telemetryStores) {
  describe(`CompareJobs on ${kind}`, () => {
    let tested: TestedStore;
    let store: SpanStore;

    async function answers(base: string, other: string): Promise<Uint8Array[]> {
      const found: Uint8Array[] = [];
      for await (const { ipc } of store.stream(plan(base, other))) found.push(ipc);
      return found;
    }

    beforeAll(async () => {
      tested = await start();
      ({ store } = tested);
      const reader = new OtlpReader();
      const insert = async (job: number, samples: readonly Sample[]) => {
        reader.readTraces(payloadOf(job, samples), 1);
        await insertSpans(store, reader);
      };
      await insert(1, [
        { name: "load", durationNs: 10n },
        { name: "load", durationNs: 30n },
        { name: "save", durationNs: 100n, isError: true },
        { name: "steady", durationNs: 7n },
        { name: "gone", durationNs: 5n },
        { name: "endless", durationNs: 1n },
      ]);
      await insert(2, [
        { name: "load", durationNs: 50n },
        { name: "save", durationNs: 20n },
        { name: "save", durationNs: 40n },
        { name: "steady", durationNs: 7n },
        { name: "new", durationNs: 3n },
        { name: "endless" },
      ]);
      await insert(3, [{ name: "of another job", durationNs: 9n }]);
    });
    afterAll(() => tested[Symbol.asyncDispose]());

    it("says what got slower, faster, appeared and vanished, what changed the sum most first", async () => {
      const rows = rowsOf(...(await answers(jobId(1), jobId(2))));
      const brief = rows.map(({ name, change, sum_delta_ns, mean_delta_ns }) => [
        name,
        change,
        sum_delta_ns,
        mean_delta_ns,
      ]);
      expect(brief).toEqual([
        ["save", "faster", -40n, -70],
        ["load", "slower", 10n, 30],
        ["gone", "vanished", -5n, null],
        ["new", "appeared", 3n, null],
        ["endless", "open", -1n, null],
        ["steady", "same", 0n, 0],
      ]);
      expect(rows[0]).toMatchObject({
        base_count: 1n,
        other_count: 2n,
        base_errors: 1n,
        other_errors: 0n,
        base_sum_ns: 100n,
        other_sum_ns: 60n,
        base_mean_ns: 100,
        other_mean_ns: 30,
        base_min_ns: 100n,
        other_min_ns: 20n,
        base_max_ns: 100n,
        other_max_ns: 40n,
        base_p50_ns: 100n,
        other_p50_ns: 40n,
        base_p95_ns: 100n,
        other_p95_ns: 40n,
      });
    });

    it("finds no change between a job and itself", async () => {
      const rows = rowsOf(...(await answers(jobId(2), jobId(2))));
      expect(
        rows.map(({ name, change, base_count, other_count }) => [name, change, base_count === other_count]),
      ).toEqual([
        ["endless", "open", true],
        ["load", "same", true],
        ["new", "same", true],
        ["save", "same", true],
        ["steady", "same", true],
      ]);
    });

    it("gives the columns that docs/schema.md lists, by name and type", async () => {
      const [ipc] = await answers(jobId(1), jobId(2));
      const columns = tableFromIPC(ipc!).schema.fields.map(
        ({ name, type, nullable }) => `${name}: ${type}${nullable ? " null" : ""}`,
      );
      const golden = readFileSync(join(import.meta.dirname, "testdata/comparison-schema.json"), "utf8");
      expect(columns).toEqual(JSON.parse(golden));
    });
  });
}

it.each(["", "nope", "'; DROP TABLE spans; --", jobId(1).toUpperCase()])("a comparison with %j is refused", (text) => {
  const refused = (field: string) => expect.objectContaining({ reason: "INVALID_FIELD", facts: { field } });
  expect(() => plan(text, jobId(1))).toThrow(refused("base_job_id"));
  expect(() => plan(jobId(1), text)).toThrow(refused("other_job_id"));
});
