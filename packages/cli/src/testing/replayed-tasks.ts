import { task } from "@spanloom/sdk";

/** Tells what it was given, as a task that others depend on. */
export const measure = task({
  name: "measure",
  run: ({ length }: { length: number }) => length,
});

/** Adds up what its dependencies left behind and submits a child for each; fails when it is told to. */
export const sum = task({
  name: "sum",
  async run({ label }: { label: string }, ctx): Promise<string> {
    const lengths = await ctx.outputsOf(measure);
    for (const length of lengths) ctx.submit(measure, { length });
    ctx.log.info("summing");
    ctx.progress(lengths.length, 2, "lengths");
    return `${label} ${lengths.reduce((total, length) => total + length, 0)}`;
  },
});

/** Tells the process it ran in, and what its job's cache held before. */
export const where = task({
  name: "where",
  async run(_input: undefined, ctx): Promise<{ pid: number; cached: boolean; execArgv: string[] }> {
    const cached = (await ctx.cache.get("mark")) !== undefined;
    await ctx.cache.set("mark", new Uint8Array([1]));
    return { pid: process.pid, cached, execArgv: process.execArgv };
  },
});

/** Throws. */
export const broken = task({
  name: "broken",
  run({ reason }: { reason: string }): void {
    throw new RangeError(reason);
  },
});

/** Traces, logs and prints. */
export const talks = task({
  name: "talks",
  async run({ words }: { words: string[] }, ctx): Promise<{ attempt: number; words: number }> {
    await ctx.span("outer", () =>
      ctx.span("inner", (span) => {
        span.setAttributes({ words: words.length, loud: false });
        span.setStatus({ code: 2, message: "no voice" });
      }),
    );
    ctx.log.warn("talking", { words: words.length });
    console.log(`printed ${words.length}`);
    return { attempt: ctx.attempt, words: words.length };
  },
});
