import { withOrigin } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { TraceStateOrigin } from "./trace-state-origin.ts";

const jobId = "01890000-0000-7000-8000-0000000000aa";
const taskId = "01890000-0000-7000-8000-0000000000bb";
const hex = (bytes: Uint8Array | undefined) => bytes && Buffer.from(bytes).toString("hex");

describe("TraceStateOrigin", () => {
  it("reads each trace state for what it says, whichever came before", () => {
    const origins = new TraceStateOrigin();
    const states = [
      withOrigin("a=1", { jobId, taskId, attempt: 1 }),
      withOrigin("a=1", { jobId, taskId, attempt: 2 }),
      withOrigin("a=1", { jobId: taskId, taskId: jobId, attempt: 2 }),
      "a=1",
      "",
    ];
    const expected = [
      { job: jobId, task: taskId, attempt: 1 },
      { job: jobId, task: taskId, attempt: 2 },
      { job: taskId, task: jobId, attempt: 2 },
      undefined,
      undefined,
    ].map((each) => each && { ...each, job: each.job.replaceAll("-", ""), task: each.task.replaceAll("-", "") });
    const bytes = Buffer.alloc(200);
    for (const i of [0, 0, 1, 0, 2, 2, 3, 0, 4, 0, 3, 3, 1]) {
      // Written over the one before, as memory of payloads may be used again.
      const end = 2 + bytes.write(states[i]!, 2);
      const origin = origins.read(bytes, 2, end);
      expect(
        origin && { job: hex(origin.jobId), task: hex(origin.taskId), attempt: origin.attempt },
        `state ${i}`,
      ).toEqual(expected[i]);
    }
  });
});
