/** What the page of the browser test does: asks a server in every way the package has, and posts what it got. */
import { QueryClient, renderWaterfall, summarize } from "@spanloom/query";

const { url, token } = (await (await fetch("/config")).json()) as { url: string; token: string };
const client = new QueryClient({ url, token });

const asText = (_key: string, value: unknown) => (typeof value === "bigint" ? `${value}n` : value);

async function post(name: string, find: () => Promise<unknown>): Promise<void> {
  let body: Blob | string;
  try {
    const found = await find();
    body = found instanceof Blob ? found : JSON.stringify(found, asText);
  } catch (error) {
    const { message, reason } = error as { message: string; reason?: string };
    body = JSON.stringify({ error: { message, reason } });
  }
  await fetch(`/result/${name}`, { method: "POST", body });
}

await post("table", async () => {
  const table = await client
    .spans({ attributes: { n: { lt: 3 } } })
    .columns("name", "start_time", "end_time", "duration_ns", { attribute: "n", type: "int64" })
    .toArrow();
  const startNs = table.getChild("start_time")?.data[0]?.values as BigInt64Array;
  return {
    columns: table.schema.fields.map((field) => `${field.name}: ${field.type}`),
    rows: table.toArray().map(({ name, end_time, duration_ns, n }) => [name, end_time === null, duration_ns, n]),
    startNs: [...startNs],
  };
});
await post("frame", async () => (await client.spans().toDataFrame()).select("name").array("name").slice(0, 2));
await post("grouped", async () => (await client.spans().toDataFrame()).groupby("name").count().objects());
await post("stream", async () => {
  let rows = 0;
  for await (const batch of client.spans().stream()) rows += batch.numRows;
  return rows;
});
await post("aggregate", async () =>
  (
    await client
      .spans()
      .aggregate({ groupBy: ["name"], measures: ["count", "p50"] })
      .toArrow()
  ).toArray(),
);
await post("logs", async () =>
  (
    await client
      .logs({ body: { contains: "lo" } })
      .columns("body")
      .toArrow()
  ).toArray(),
);
await post("drawing", async () => {
  const table = await client.spans().toArrow();
  return { waterfall: renderWaterfall(table, { width: 80 }), names: summarize(table).map(({ name }) => name) };
});
for (const format of ["csv", "jsonl", "arrow", "perfetto.json", "otlp.json"] as const)
  await post(`file.${format}`, () => client.spans().toBlob(format));
await post("parquet", () => client.spans().toBlob("parquet"));
await post("file", () => client.spans().toFile("spans.csv"));
await post("column", () =>
  client
    .spans()
    .columns("nothing" as "name")
    .toArrow(),
);
await post("token", () => new QueryClient({ url, token: "other" }).spans().toArrow());
await post("own", async () => new QueryClient().url);
