import { task } from "@spanloom/sdk";

/** Does nothing. */
export const noop = task({ name: "noop", version: "1.0", run() {} });

/** Submits as many tasks that do nothing as it is told. */
export const fanOut = task({
  name: "fan-out",
  version: "1.0",
  run({ children }: { children: number }, ctx) {
    ctx.submitMany(noop, new Array<undefined>(children).fill(undefined));
  },
});

/** Makes a span, as a task does that looks at one thing. */
export const traced = task({
  name: "traced",
  version: "1.0",
  run(_: undefined, ctx) {
    ctx.span("work", () => undefined, { attributes: { kind: "bench", rows: 12, ratio: 0.5 } });
  },
});

/** Submits as many tasks that make a span each as it is told. */
export const tracedFanOut = task({
  name: "traced-fan-out",
  version: "1.0",
  run({ children }: { children: number }, ctx) {
    ctx.submitMany(traced, new Array<undefined>(children).fill(undefined));
  },
});

/** Submits fan-outs. */
export const bigJob = task({
  name: "big-job",
  version: "1.0",
  run({ branches, children }: { branches: number; children: number }, ctx) {
    ctx.submitMany(fanOut, new Array<{ children: number }>(branches).fill({ children }));
  },
});

/** Submits itself again until no steps are left. */
export const chain = task({
  name: "chain",
  version: "1.0",
  run({ steps }: { steps: number }, ctx): void {
    if (steps > 1) ctx.submit(chain, { steps: steps - 1 });
  },
});

/** Tells when it began, in microseconds of the machine's monotonic clock, which all its processes share on Linux. */
export const clock = task({ name: "clock", version: "1.0", run: () => monotonicUs() });

/** Microseconds of CLOCK_MONOTONIC. */
export function monotonicUs(): number {
  return Number(process.hrtime.bigint()) / 1000;
}
