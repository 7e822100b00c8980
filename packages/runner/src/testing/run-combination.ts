import type * as Api from "@opentelemetry/api";
import type { SpanExporter } from "@opentelemetry/sdk-trace-base";
import type * as Current from "@opentelemetry/sdk-trace-node";
import type * as Sdk from "@spanloom/sdk";
import type * as Earlier from "sdk-trace-node-1";
import type * as RunnerPackage from "../index.ts";

/** What a program imports, or requires. */
export interface Modules {
  api: typeof Api;
  earlier: typeof Earlier;
  current: typeof Current;
  sdk: typeof Sdk;
  runner: typeof RunnerPackage;
}

/** When an application has a tracer provider of its own, and what it says of tracing. */
export type Order = "none" | "before" | "after" | "instrumented" | "disabled by option" | "disabled by environment";

/** What the application has seen. */
export interface Seen {
  jobId: string;
  /** Every span that its own exporter was given, in order. */
  spans: { name: string; spanId: string; parentId: string; taskName: unknown }[];
  /** Warnings and errors of OpenTelemetry's API. */
  complaints: string[];
}

/** Runs a job in an application of one combination, and prints what the application has seen. */
export async function runCombination(modules: Modules, [url, queue, order, version]: string[]): Promise<void> {
  const { api, sdk, runner: runners } = modules;
  const complaints: string[] = [];
  const note = (message: string) => void complaints.push(message.split("\n")[0]!);
  api.diag.setLogger({ error: note, warn: note, info: note, debug: note, verbose: note }, api.DiagLogLevel.WARN);
  const library = api.trace.getTracer("library");
  const provider = makeProvider(modules, order as Order, version!);
  if (order !== "none" && order !== "after") provider.register();
  const undo = order === "instrumented" ? runners.instrument({ attemptSpans: true }) : undefined;

  const work = sdk.task({
    name: "work",
    run: (_: undefined, ctx) =>
      ctx.span("by the context", () =>
        library.startActiveSpan("by a library", async (span) => {
          await new Promise(setImmediate);
          api.trace.getTracer("late").startSpan("by a late one").end();
          ctx.log.info("logged");
          span.end();
        }),
      ),
  });
  const queues = [queue!];
  const runner = new runners.Runner({
    url,
    queues,
    tasks: [work],
    ...(order === "disabled by option" && { tracing: false }),
  });
  await runner.start();
  // Binds the library's tracer to what there is now.
  library.startSpan("before").end();
  if (order === "after") provider.register();

  const client = new sdk.Client({ url, ...(order === "disabled by option" && { tracing: false }) });
  const jobId = await api.trace.getTracer("application").startActiveSpan("caller", async (caller) => {
    const job = await client.jobs.submit(work, undefined, { queue: queue! });
    await job.result();
    caller.end();
    return job.id;
  });
  await runner.stop();
  client.close();
  undo?.();
  library.startSpan("afterwards").end();
  await provider.forceFlush();
  console.log(JSON.stringify({ jobId, spans: provider.seen(), complaints }));
}

interface ApplicationProvider {
  register(): void;
  forceFlush(): Promise<void>;
  seen(): Seen["spans"];
}

/** A provider as applications make it: exporting in batches, with Spanloom's processor unless it is to be added. */
function makeProvider({ earlier, current, runner }: Modules, order: Order, version: string): ApplicationProvider {
  const sdk = (version === "1.x" ? earlier : current) as typeof current;
  const exporter = new sdk.InMemorySpanExporter();
  const isAdded = version === "1.x" && order === "instrumented";
  const provider = new sdk.NodeTracerProvider({
    spanProcessors: [
      new sdk.BatchSpanProcessor(exporter as SpanExporter),
      ...(isAdded ? [] : [runner.spanloomSpanProcessor()]),
    ],
    ...(order === "instrumented" && { idGenerator: runner.spanloomIdGenerator() }),
  });
  return {
    register: () => provider.register(),
    forceFlush: () => provider.forceFlush(),
    seen: () =>
      exporter.getFinishedSpans().map((span) => ({
        name: span.name,
        spanId: span.spanContext().spanId,
        parentId: span.parentSpanContext?.spanId ?? (span as unknown as { parentSpanId?: string }).parentSpanId ?? "",
        taskName: span.attributes["spanloom.task.name"],
      })),
  };
}
