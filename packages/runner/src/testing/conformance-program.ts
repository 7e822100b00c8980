// The runner under test of `spanloom-conformance runner`, in TypeScript. Source: conformance/runner-tasks.md.
import { task } from "@spanloom/sdk";
import { Runner } from "../runner.ts";
import { catchStrayErrors } from "../stray-errors.ts";
import { steps } from "./conformance-steps.ts";

const { env } = process;
const whole = (text: string | undefined): number | undefined => (text ? Number(text) : undefined);

const runner = new Runner({
  url: env.SPANLOOM_URL,
  tasks: [
    task({ name: "conformance.echo", version: "1.2", run: (input: unknown) => input }),
    task({ name: "conformance.version", version: "1.4", run: (_: unknown) => "1.4" }),
    task({ name: "conformance.version", version: "2.1", run: (_: unknown) => "2.1" }),
    steps,
  ],
  queues: env.CONFORMANCE_QUEUES?.split(","),
  concurrency: whole(env.CONFORMANCE_CONCURRENCY),
  graceMs: whole(env.CONFORMANCE_GRACE_MS),
  abandonAfterMs: whole(env.CONFORMANCE_ABANDON_MS),
  serviceName: env.CONFORMANCE_SERVICE_NAME,
  serviceVersion: env.CONFORMANCE_SERVICE_VERSION,
  log: (line) => console.error(line),
});

let signalled = false;
const stop = async () => {
  await runner.stop();
  process.exit(0);
};
for (const signal of ["SIGTERM", "SIGINT"] as const)
  process.on(signal, () => {
    if (signalled) process.exit(1);
    signalled = true;
    void stop();
  });
catchStrayErrors({ runner });
void runner.drained.then(stop);
await runner.start();
