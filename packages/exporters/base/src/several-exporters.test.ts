import { OtlpPeer, sampleTraces, waitFor } from "@spanloom/testing";
import { expect, it } from "vitest";
import { ExportQueue } from "./export-queue.ts";
import { OtlpExporter } from "./otlp/otlp-exporter.ts";

it("an exporter whose backend hangs, and one whose is away, leave another undisturbed (P4)", async () => {
  await using healthy = await new OtlpPeer().start();
  await using hanging = await new OtlpPeer().start();
  hanging.hanging = true;
  const endpoints = [hanging.url, "http://127.0.0.1:1", healthy.url];
  const queues = endpoints.map(
    (endpoint) => new ExportQueue(new OtlpExporter({ endpoint }), { maxQueuedRecords: 500, maxBatchRecords: 50 }),
  );
  const names = Array.from({ length: 100 }, (_, index) => `s${index}`);
  for (let round = 0; round < 10; round++) {
    const batch = sampleTraces(...names);
    for (const queue of queues) queue.enqueue(batch);
    await waitFor(() => healthy.spanNames.length === (round + 1) * 100, { what: "the healthy backend's spans" });
  }
  expect(await queues[2]!.flush(60_000)).toBe(true);
  expect(healthy.spanNames).toEqual(Array.from({ length: 10 }, () => names).flat());
  expect(queues.map((queue) => queue.stats())).toMatchObject([
    { exported: 0, dropped: 500, droppedBy: { queue_full: 500 }, queuedSpans: 500 },
    { exported: 0, dropped: 500, droppedBy: { queue_full: 500 }, queuedSpans: 500 },
    { exported: 1_000, dropped: 0, queuedSpans: 0 },
  ]);
  await Promise.all(queues.map((queue) => queue.shutdown(10)));
  expect(queues.map((queue) => queue.stats().droppedBy.shut_down)).toEqual([500, 500, 0]);
});
