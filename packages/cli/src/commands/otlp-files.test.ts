import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueryClient } from "@spanloom/query";
import { type RunningServer, startServer } from "@spanloom/server";
import { afterAll, beforeAll, expect, test } from "vitest";

let folder: string;
let server: RunningServer;
let query: QueryClient;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cli-otlp-"));
  server = await startServer({ dataDir: join(folder, "data"), port: 0 });
  query = new QueryClient({ url: server.url });
});

afterAll(async () => {
  await server?.stop();
  await rm(folder, { recursive: true, force: true });
});

const sent = "0198c0de00007000800000000000cafe";
const startNs = BigInt(Date.now()) * 1_000_000n;

/** One of each type of value there is. */
const attributes = [
  { key: "text", value: { stringValue: 'a"b\\n€\u0001' } },
  { key: "empty text", value: { stringValue: "" } },
  { key: "true", value: { boolValue: true } },
  { key: "int", value: { intValue: "9223372036854775807" } },
  { key: "negative", value: { intValue: "-9223372036854775808" } },
  { key: "double", value: { doubleValue: 0.1 } },
  { key: "whole", value: { doubleValue: 5 } },
  { key: "wide", value: { doubleValue: 1e300 } },
  { key: "minus zero", value: { doubleValue: -0 } },
  { key: "nan", value: { doubleValue: "NaN" } },
  { key: "infinite", value: { doubleValue: "-Infinity" } },
  { key: "bytes", value: { bytesValue: "AQID/w==" } },
  { key: "none", value: {} },
  {
    key: "list",
    value: {
      arrayValue: {
        values: [
          { stringValue: "x,]}" },
          { intValue: "9007199254740993" },
          { doubleValue: 5 },
          { doubleValue: "Infinity" },
          { bytesValue: "AQ==" },
          { boolValue: false },
          {},
          { arrayValue: { values: [] } },
        ],
      },
    },
  },
  {
    key: "map",
    value: {
      kvlistValue: {
        values: [
          { key: "b", value: { intValue: "1" } },
          { key: "2", value: { kvlistValue: { values: [] } } },
          { key: '__proto__"', value: { stringValue: "x" } },
        ],
      },
    },
  },
];

const resource = {
  attributes: [{ key: "service.name", value: { stringValue: "shop" } }, ...attributes],
  droppedAttributesCount: 8,
};
const scopes = [
  { name: "lib", version: "1.2", attributes, droppedAttributesCount: 9 },
  { name: "other", version: "" },
];

function traces(): object {
  const span = (n: number, more: object) => ({
    traceId: sent,
    spanId: `000000000000000${n}`,
    name: `span ${n}`,
    startTimeUnixNano: String(startNs + BigInt(n)),
    endTimeUnixNano: String(startNs + 1_000n),
    ...more,
  });
  const event = { timeUnixNano: String(startNs + 5n), name: "retry", attributes, droppedAttributesCount: 3 };
  const link = { traceId: sent, spanId: "0000000000000001", traceState: "a=b", attributes, droppedAttributesCount: 4 };
  const full = span(2, {
    parentSpanId: "0000000000000001",
    traceState: "vendor=x",
    kind: 3,
    flags: 0x301,
    attributes,
    droppedAttributesCount: 5,
    events: [event, { timeUnixNano: String(startNs), name: "plain" }],
    droppedEventsCount: 6,
    links: [{ ...link, flags: 0x101 }],
    droppedLinksCount: 7,
    status: { code: 2, message: "it broke" },
  });
  return {
    resourceSpans: [
      {
        resource,
        schemaUrl: "https://example.com/of-resource",
        scopeSpans: [
          { scope: scopes[0], schemaUrl: "https://example.com/of-scope", spans: [span(1, {}), full] },
          { scope: scopes[0], spans: [span(4, {})] },
        ],
      },
      {
        resource: {},
        scopeSpans: [{ scope: scopes[1], spans: [span(3, { endTimeUnixNano: "0", status: { code: 1 } })] }],
      },
    ],
  };
}

function logs(): object {
  const record = (n: number, more: object) => ({ traceId: sent, timeUnixNano: String(startNs + BigInt(n)), ...more });
  const bodies = attributes.map(({ value }, n) => record(n, { body: value, observedTimeUnixNano: String(startNs) }));
  const full = record(90, {
    spanId: "0000000000000001",
    severityNumber: 17,
    severityText: "BAD",
    attributes,
    droppedAttributesCount: 2,
    flags: 1,
    eventName: "order.lost",
  });
  return {
    resourceLogs: [
      { resource, schemaUrl: "a", scopeLogs: [{ scope: scopes[0], schemaUrl: "b", logRecords: [...bodies, full] }] },
    ],
  };
}

async function send(path: string, body: string): Promise<void> {
  const answer = await fetch(server.url + path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
  });
  expect([answer.status, await answer.json()]).toEqual([200, {}]);
}

/** Every column of the rows of a trace, its id left out. */
async function rowsOf(trace: string): Promise<unknown> {
  const extra = [
    "resource_attribute_types",
    "scope_attributes",
    "scope_attribute_types",
    "resource_schema_url",
    "scope_schema_url",
    "resource_dropped_attributes",
    "scope_dropped_attributes",
  ] as const;
  const kinds = [query.spans({ trace }), query.logs({ trace })];
  const more = [query.spans({ trace }).columns(...extra), query.logs({ trace }).columns(...extra, "body_type")];
  const files = [...kinds, ...more].map(async (each, i) => {
    const path = join(folder, `${trace}-${i}.jsonl`);
    await each.toFile(path);
    return (await readFile(path, "utf8")).replaceAll(trace, "TRACE").trimEnd().split("\n");
  });
  return Promise.all(files);
}

test.each(["otlp.json", "otlp.jsonl"] as const)(
  "what a %s file holds comes back as it was, sent again",
  async (format) => {
    await send("/v1/traces", JSON.stringify(traces()));
    const again = format === "otlp.json" ? "aa".repeat(16) : "bb".repeat(16);
    if (format === "otlp.json") await send("/v1/logs", JSON.stringify(logs()));
    for (const [path, records] of [
      ["/v1/traces", query.spans({ trace: sent })],
      ["/v1/logs", query.logs({ trace: sent })],
    ] as const) {
      const file = join(folder, `records.${format}`);
      expect((await records.toFile(file)).rows).toBeGreaterThan(2);
      const text = (await readFile(file, "utf8")).replaceAll(sent, again);
      for (const request of format === "otlp.json" ? [text] : text.trimEnd().split("\n")) await send(path, request);
    }
    expect(await rowsOf(again)).toEqual(await rowsOf(sent));
  },
);

test("a trace file needs whole records, and log records have no timeline", async () => {
  const file = (name: string) => join(folder, name);
  await expect(query.spans().columns("name").toFile(file("x.otlp.json"))).rejects.toThrow(
    'cannot query: format "otlp.json" takes whole records: name no columns',
  );
  await expect(query.spans({ orderBy: "name" }).toFile(file("x.perfetto.json"))).rejects.toThrow(
    'cannot query: format "perfetto.json" takes spans by their start: name no order',
  );
  await expect(query.logs().toFile(file("x.perfetto.json"))).rejects.toThrow("is for spans, not for log records");
});
