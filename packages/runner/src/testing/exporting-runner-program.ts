// A runner that exports, whose task tells that it has begun and never ends.
import { task } from "@spanloom/sdk";
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
const runner = new Runner({ url, tasks: [hang], exporters: [new RecordingExporter()] });
await runner.start();
