// A CommonJS application, here on the sources and in the check `packed` on what is published: a server, a runner that traces a task with the application's own provider, and a query.
const { deepStrictEqual: deepEqual } = require("node:assert");
const { mkdtemp, rm } = require("node:fs/promises");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { trace } = require("@opentelemetry/api");
const { InMemorySpanExporter, SimpleSpanProcessor, BasicTracerProvider } = require("@opentelemetry/sdk-trace-base");
const { QueryClient } = require("@spanloom/query");
const { Runner, spanloomSpanProcessor } = require("@spanloom/runner");
const { activeCarrier, Client, task } = require("@spanloom/sdk");
const { startServer } = require("@spanloom/server");

async function main() {
  const exporter = new InMemorySpanExporter();
  const spanProcessors = [spanloomSpanProcessor(), new SimpleSpanProcessor(exporter)];
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors }));
  const dataDir = await mkdtemp(join(tmpdir(), "spanloom-commonjs-"));
  const server = await startServer({ dataDir, port: 0 });
  const library = trace.getTracer("library");
  const child = task({ name: "child", run: (_, ctx) => ctx.log.info("in the child") });
  const root = task({
    name: "root",
    run: (_, ctx) =>
      ctx.span("outer", () =>
        library.startActiveSpan("inner", async (span) => {
          await new Promise(setImmediate);
          ctx.submit(child);
          span.end();
          return activeCarrier().traceparent;
        }),
      ),
  });
  const runner = new Runner({ url: server.url, tasks: [root, child] });
  await runner.start();
  const client = new Client({ url: server.url });
  const job = await client.jobs.submit(root);
  const traceparent = await job.result();
  const query = new QueryClient({ url: server.url });
  const columns = ["name", "type", "span_id", "parent_span_id"];
  const rows = (await query.spans({ job: job.id, columns }).toArrow()).toArray();
  const nameOf = (id) => rows.find((row) => row.span_id === id)?.name ?? "none";
  const tree = rows
    .map(({ type, name, parent_span_id }) => {
      return `${name.startsWith(`${type} `) ? "" : `${type} `}${name} < ${nameOf(parent_span_id)}`;
    })
    .sort();
  const logs = (await query.logs({ job: job.id, columns: ["body"] }).toArrow()).toArray().map(({ body }) => body);
  client.close();
  await runner.stop();
  await server.stop();
  await rm(dataDir, { recursive: true });
  const exported = exporter.getFinishedSpans();
  const inner = exported.find(({ name }) => name === "inner").spanContext();
  deepEqual(tree, [
    "attempt child < task child",
    "attempt root < task root",
    "job root < none",
    "task child < root",
    "task root < job root",
    "user inner < outer",
    "user outer < root",
  ]);
  deepEqual(logs, ["in the child"]);
  deepEqual(exported.map(({ name }) => name), ["submit default", "inner", "outer"]);
  deepEqual(traceparent, `00-${inner.traceId}-${inner.spanId}-01`);
  console.log("ok");
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
