import { task } from "@spanloom/sdk";

/** Fails at its first attempt when told so, and leaves a span and a log line as ordinary tasks do. */
export const flaky = task({
  name: "flaky",
  version: "1.0",
  retry: { maxAttempts: 3, initialDelayMs: 100, jitter: 0.5 },
  async run({ fails }: { fails: boolean }, ctx): Promise<number> {
    ctx.log.info("working", { attempt: ctx.attempt });
    return ctx.span("work", () => {
      if (fails && ctx.attempt === 1) throw new Error("the first attempt of this task always fails");
      return ctx.attempt;
    });
  },
});
