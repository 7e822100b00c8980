// A runner whose task holds a span open until the file it is told of exists; its clock is off by CLOCK_OFF_MS.
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { task } from "@spanloom/sdk";
import { Runner } from "../runner.ts";

const [url] = process.argv.slice(2);
const rightMs = Date.now;
Date.now = () => rightMs() + Number(process.env.CLOCK_OFF_MS ?? 0);

const hold = task({
  name: "hold",
  run: ({ until }: { until: string }, ctx) =>
    ctx.span("outer", async (outer) => {
      outer.setAttribute("early", 1);
      ctx.span("short", () => undefined);
      await ctx.span("inner", async () => {
        while (!existsSync(until)) await sleep(20, undefined, { signal: ctx.signal });
      });
      outer.setAttribute("late", 2);
    }),
});

const runner = new Runner({ url, tasks: [hold], graceMs: 1_000 });
await runner.start();
console.log("ready");
process.once("SIGTERM", () => void runner.stop());
