import { describe, expectTypeOf, it } from "vitest";
import type { Client } from "./client.ts";
import type { JobHandle } from "./job-handle.ts";
import type { TaskHandle, TaskHandles } from "./submission-builder.ts";
import { type AnyTask, type InputOf, type OutputOf, task } from "./task.ts";
import type { TaskContext } from "./task-context.ts";

const add = task({
  name: "add",
  async run(input: { a: number; b: number }, ctx) {
    expectTypeOf(ctx).toEqualTypeOf<TaskContext>();
    return input.a + input.b;
  },
});
const noop = task({ name: "noop", run() {} });
const greet = task({ name: "greet", run: (name: string | undefined) => `hello ${name ?? "you"}` });

// Never run: type tests are only checked.
declare const context: TaskContext;
declare const client: Client;

describe("inference", () => {
  it("takes input and output from run, promises unwrapped", () => {
    expectTypeOf<InputOf<typeof add>>().toEqualTypeOf<{ a: number; b: number }>();
    expectTypeOf<OutputOf<typeof add>>().toEqualTypeOf<number>();
    expectTypeOf<OutputOf<typeof greet>>().toEqualTypeOf<string>();
    expectTypeOf<OutputOf<typeof noop>>().toEqualTypeOf<void>();
  });

  it("lets any task be registered", () => {
    expectTypeOf([add, noop, greet]).toExtend<AnyTask[]>();
  });

  it("asks for the input, and only where there is one", () => {
    expectTypeOf(context.submit(add, { a: 1, b: 2 })).toEqualTypeOf<TaskHandle<number>>();
    expectTypeOf(context.submit(noop)).toEqualTypeOf<TaskHandle<void>>();
    expectTypeOf(context.submit(greet)).toEqualTypeOf<TaskHandle<string>>();
    expectTypeOf(context.submitMany(add, [{ a: 1, b: 2 }])).toEqualTypeOf<TaskHandles<number>>();
    expectTypeOf(context.outputsOf(add)).toEqualTypeOf<Promise<number[]>>();
    // @ts-expect-error the input is missing
    context.submit(add);
    // @ts-expect-error the input is of another type
    context.submit(add, { a: "1", b: 2 });
    // @ts-expect-error an option that does not exist
    context.submit(add, { a: 1, b: 2 }, { retries: 3 });
  });

  it("gives a job the task's output", () => {
    const { jobs } = client;
    expectTypeOf(jobs.submit(add, { a: 1, b: 2 })).resolves.toEqualTypeOf<JobHandle<number>>();
    expectTypeOf(jobs.submitMany(add, [{ a: 1, b: 2 }])).resolves.toEqualTypeOf<JobHandle<number>[]>();
    // @ts-expect-error the input is missing
    void jobs.submit(add);
  });

  it("keeps a span's result as it is", () => {
    expectTypeOf(context.span("sync", () => 1)).toEqualTypeOf<number>();
    expectTypeOf(context.span("async", async () => "x")).toEqualTypeOf<Promise<string>>();
  });
});
