import { createRouterTransport } from "@connectrpc/connect";
import { JobService, parseTraceparent, type SubmitJobRequest } from "@spanloom/protocol";
import { activeCarrier, Client, task } from "@spanloom/sdk";
import { expect, it } from "vitest";
import { Runner } from "../runner.ts";
import { spansIn } from "../testing/decode-telemetry.ts";
import { FakeServer } from "../testing/fake-server.ts";

// Registrations are global: this test has a file, and so a process, of its own.

it("a client beside a runner makes spans only within attempts, where they are recorded", async () => {
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
  const other = task({ name: "other", run: () => undefined });
  const submitting = task({
    name: "submitting",
    run: async () => {
      const carrier = activeCarrier();
      await client.jobs.submit(other);
      return carrier?.traceparent;
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
  const span = spansIn(server.traces).find(({ name }) => name === "submit default");
  expect(parseTraceparent(requests[1]!.trace!.traceparent)?.spanId).toBe(span?.spanId);
  expect(span?.attributes).toMatchObject({
    "spanloom.task.name": "submitting",
    "messaging.message.id": "0192f0c4-7d4b-7c3a-9f10-3b5d8e2a6c01",
  });
  expect(span?.attributes["spanloom.job.id"]).not.toBe("0192f0c4-7d4b-7c3a-9f10-3b5d8e2a6c01");
});
