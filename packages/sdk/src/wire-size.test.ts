import { create, toBinary } from "@bufbuild/protobuf";
import { SubmitJobRequestSchema, TaskResultSchema, TaskSetSchema } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { SubmissionBuilder } from "./submission-builder.ts";
import { task } from "./task.ts";

const MIB = 1024 * 1024;

it("10,000 equal children cost well under 1 MiB beyond their inputs, as children and as roots", () => {
  const leaf = task({
    name: "leaf",
    retry: { maxAttempts: 3 },
    timeoutMs: 1_000,
    run: (_: { n: number }) => undefined,
  });
  const builder = new SubmissionBuilder();
  const inputs = Array.from({ length: 10_000 }, (_, n) => ({ n }));
  builder.submitMany(leaf, inputs);
  const inputBytes = inputs.reduce((sum, input) => sum + JSON.stringify(input).length, 0);
  const tasks = create(TaskSetSchema, builder.build());
  const asResult = create(TaskResultSchema, { outcome: { case: "success", value: { children: tasks } } });
  const asJob = create(SubmitJobRequestSchema, { name: "roots", tasks });
  for (const bytes of [toBinary(TaskResultSchema, asResult), toBinary(SubmitJobRequestSchema, asJob)]) {
    // Two bytes for each, the tag and the length of its input, and little for all.
    expect(bytes.length - inputBytes).toBeLessThan(0.03 * MIB);
    expect(bytes.length - inputBytes).toBeGreaterThan(10_000);
  }
});
