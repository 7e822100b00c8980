// A runner that exports, whose task tells that it has begun and never ends. Its lease is soon over when it is killed.
import type { Transport } from "@connectrpc/connect";
import { durationFromMs } from "@spanloom/protocol";
import { connect, task } from "@spanloom/sdk";
import { Runner } from "../runner.ts";
import { RecordingExporter } from "./recording-exporter.ts";

const [url] = process.argv.slice(2);
const hang = task({
  name: "hang",
  run: async () => {
    console.log("begun");
    await new Promise(() => undefined);
  },
});
const { transport } = connect({ url });
const leaseDuration = durationFromMs(500);
const unary: Transport["unary"] = (...call) => {
  const [{ name }, , , , input] = call;
  if (name === "LeaseTasks") Object.assign(input, { leaseDuration });
  return transport.unary(...call);
};
const runner = new Runner({
  transport: { unary, stream: transport.stream },
  tasks: [hang],
  exporters: [new RecordingExporter()],
  // It has no room for the task a second time, should its lease be over before it is killed.
  concurrency: 1,
  prefetch: 0,
});
await runner.start();
