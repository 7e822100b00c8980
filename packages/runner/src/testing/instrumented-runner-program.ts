// A runner whose process has HTTP instrumentations, with Spanloom's tracer provider or one of the application's own.
import { get } from "node:http";
import { text } from "node:stream/consumers";
import { InMemorySpanExporter, SimpleSpanProcessor } from "@opentelemetry/sdk-trace-base";
import { NodeTracerProvider } from "@opentelemetry/sdk-trace-node";
import { task } from "@spanloom/sdk";
import { Runner } from "../runner.ts";
import { spanloomSpanProcessor } from "../tracing/span-processor.ts";

const [url, provider] = process.argv.slice(2);
const exporter = new InMemorySpanExporter();
if (provider === "application's") {
  const spanProcessors = [spanloomSpanProcessor(), new SimpleSpanProcessor(exporter)];
  new NodeTracerProvider({ spanProcessors }).register();
}

const httpGet = (target: string) =>
  new Promise<string>((resolve, reject) => {
    get(target, (response) => void text(response).then(resolve, reject)).on("error", reject);
  });

const call = task({
  name: "call",
  async run({ target }: { target: string }, ctx) {
    await ctx.span("by fetch", async () => (await fetch(target)).text());
    await ctx.span("by http", () => httpGet(target));
    // Enough for telemetry to leave while the attempt runs, from within its context.
    const filler = "x".repeat(100_000);
    for (let i = 0; i < 30; i++) ctx.log.info(filler);
    await new Promise((resolve) => setTimeout(resolve, 200));
    return exporter.getFinishedSpans().map(({ name }) => name);
  },
});

const runner = new Runner({ url, tasks: [call], log: (line) => console.log(line) });
// First: once it says that it is ready it may be told to stop.
process.once("SIGTERM", () => void runner.stop());
await runner.start();
