import { createRouterTransport } from "@connectrpc/connect";
import { attemptSpanId, JobService, parseTraceparent, type SubmitJobRequest } from "@spanloom/protocol";
import { activeCarrier, Client, type TraceCarrier, task } from "@spanloom/sdk";
import { expect, it } from "vitest";
import { Runner } from "../runner.ts";
import { spansIn } from "../testing/decode-telemetry.ts";
import { FakeServer } from "../testing/fake-server.ts";

// Registrations are global: this test has a file, and so a process, of its own.

it("a client beside a runner makes no spans, as the application has no provider: the attempt is a job's parent", async () => {
  const requests: SubmitJobRequest[] = [];
  const transport = createRouterTransport((router) =>
    router.service(JobService, {
      submitJob: (request) => {
        requests.push(request);
        return { job: { id: "0192f0c4-7d4b-7c3a-9f10-3b5d8e2a6c01", name: request.name, queue: "default" } };
      },
    }),
  );
  using client = new Client({ transport });
  let carrier: TraceCarrier | undefined;
  const other = task({ name: "other", run: () => undefined });
  const submitting = task({
    name: "submitting",
    run: async () => {
      carrier = activeCarrier();
      await client.jobs.submit(other);
    },
  });
  const server = new FakeServer();
  const runner = new Runner({ transport: server.transport, tasks: [submitting] });
  await runner.start();
  await client.jobs.submit(other);
  const taskId = server.push("submitting");
  const { outcome } = await server.resultOf(taskId);
  await runner.stop();

  expect(outcome.case).toBe("success");
  expect(requests[0]!.trace).toBeUndefined();
  expect(requests[1]!.trace).toMatchObject({ traceparent: carrier!.traceparent });
  expect(parseTraceparent(carrier!.traceparent)?.spanId).toBe(attemptSpanId(taskId, 1));
  expect(spansIn(server.traces).map(({ name }) => name)).not.toContain("submit default");
});
