import { once } from "node:events";
import { createServer, type IncomingHttpHeaders } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Stream } from "node:http2";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";
import { MeterProvider, MetricReader } from "@opentelemetry/sdk-metrics";
import { afterEach, describe, expect, it, vi } from "vitest";
import type { Catalogue } from "./catalogue.ts";
import { MetricSet } from "./metric-set.ts";
import { pushMetrics, writePrometheus } from "./metrics-output.ts";
import { offerMetrics } from "./offer-metrics.ts";

const catalogue = {
  "a.jobs.ended": { kind: "counter", unit: "{job}", about: "Jobs that ended.", attributes: { "a.outcome": "how" } },
  "a.cpu.time": { kind: "counter", unit: "s", about: "Time." },
  "a.depth": { kind: "updown", unit: "{task}", about: "Depth." },
  "a.use": { kind: "gauge", unit: "1", about: "Use." },
  "a.duration": { kind: "histogram", unit: "s", about: "How long.", boundaries: [1, 10] },
} as const satisfies Catalogue;

const resource = {
  serviceName: "spanloom-test",
  serviceVersion: "1.2.3",
  instanceId: "i",
  attributes: { "service.name": "mine" },
  tags: { team: "a" },
};

/** A set with something in each metric; `more` counts on. */
function newSet() {
  const set = new MetricSet(catalogue, { nowMs: () => 1_000, log: () => {} });
  let jobs = 2;
  set.observe("a.jobs.ended", (observe) => observe(jobs, { "a.outcome": 'o"k' }));
  set.observe("a.cpu.time", (observe) => observe(1.5));
  set.observe("a.depth", (observe) => observe(3));
  set.observe("a.use", (observe) => observe(0.5));
  const duration = set.distribution("a.duration");
  duration.record(5);
  const more = () => {
    jobs += 3;
    duration.record(50);
  };
  return { set, more };
}

describe("Prometheus' text", () => {
  it("has units in names, totals, static tags on every series and the resource as target_info", async () => {
    expect(await writePrometheus(newSet().set, resource, 2_000)).toMatchInlineSnapshot(`
      "# HELP target_info Target metadata
      # TYPE target_info gauge
      target_info{service_name="mine",service_version="1.2.3",service_instance_id="i",team="a"} 1
      # HELP a_jobs_ended_total Jobs that ended.
      # TYPE a_jobs_ended_total counter
      a_jobs_ended_total{team="a",a_outcome="o\\"k"} 2
      # HELP a_cpu_time_seconds_total Time.
      # UNIT a_cpu_time_seconds_total seconds
      # TYPE a_cpu_time_seconds_total counter
      a_cpu_time_seconds_total{team="a"} 1.5
      # HELP a_depth Depth.
      # TYPE a_depth gauge
      a_depth{team="a"} 3
      # HELP a_use_ratio Use.
      # UNIT a_use_ratio ratio
      # TYPE a_use_ratio gauge
      a_use_ratio{team="a"} 0.5
      # HELP a_duration_seconds How long.
      # UNIT a_duration_seconds seconds
      # TYPE a_duration_seconds histogram
      a_duration_seconds_count{team="a"} 1
      a_duration_seconds_sum{team="a"} 5
      a_duration_seconds_bucket{team="a",le="1"} 0
      a_duration_seconds_bucket{team="a",le="10"} 1
      a_duration_seconds_bucket{team="a",le="+Inf"} 1
      "
    `);
  });
});

interface Received {
  url: string | undefined;
  headers: IncomingHttpHeaders;
  body: Buffer;
}

/** An endpoint that keeps what it is sent, and answers with one status after the other, the last one for ever. */
async function startPeer(statuses: number[] = [200]) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    received.push({ url: request.url, headers: request.headers, body: await buffer(request) });
    response.writeHead(statuses.length > 1 ? statuses.shift()! : statuses[0]!, { "content-type": "application/json" });
    response.end("{}");
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const stop = () => {
    server.close();
    server.closeAllConnections();
  };
  return { received, [Symbol.dispose]: stop };
}

afterEach(() => {
  vi.unstubAllEnvs();
});

const far = { intervalMs: 600_000, timeoutMs: 2_000 };
const parts = (set: MetricSet<typeof catalogue>, log = (_line: string) => {}) => ({
  set,
  resource,
  nowMs: () => 2_000,
  log,
});

describe("OTLP push", () => {
  it("sends what there is when it stops, with the resource and static tags on it", async () => {
    using peer = await startPeer();
    vi.stubEnv("OTEL_EXPORTER_OTLP_HEADERS", "key=secret");
    const push = await pushMetrics(parts(newSet().set), { ...far, protocol: "http/json" });
    await push.stop();
    await push.stop();
    expect(peer.received).toHaveLength(1);
    const [{ url, headers, body }] = peer.received as [Received];
    expect([url, headers["content-type"], headers.key]).toEqual(["/v1/metrics", "application/json", "secret"]);
    expect(JSON.parse(String(body))).toMatchSnapshot();
    expect(push.failed).toBe(0);
  });

  it("sends again and again, as differences to a backend that wants them", async () => {
    using peer = await startPeer();
    vi.stubEnv("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "delta");
    const { set, more } = newSet();
    const push = await pushMetrics(parts(set), { intervalMs: 50, timeoutMs: 50, protocol: "http/json" });
    await vi.waitFor(() => expect(peer.received.length).toBeGreaterThan(0));
    more();
    const sums = () => peer.received.map(({ body }) => pointsOf(JSON.parse(String(body))));
    await vi.waitFor(() => expect(sums().some(({ jobs }) => jobs === 3)).toBe(true));
    await push.stop();
    const all = sums();
    expect(all.reduce((sum, { jobs }) => sum + jobs, 0)).toBe(5);
    expect(all.reduce((sum, { durations }) => sum + durations, 0)).toBe(2);
    expect(new Set(all.map(({ depth }) => depth))).toEqual(new Set([3]));
  });

  it.each(["http/protobuf", "http/json"] as const)("speaks %s", async (protocol) => {
    using peer = await startPeer();
    await (await pushMetrics(parts(newSet().set), { ...far, protocol })).stop();
    const type = protocol === "http/json" ? "application/json" : "application/x-protobuf";
    expect(peer.received.map(({ headers }) => headers["content-type"])).toEqual([type]);
    expect(String(peer.received[0]?.body)).toContain("a.jobs.ended");
  });

  it("speaks gRPC", async () => {
    const paths: unknown[] = [];
    const server = createHttp2Server();
    server.on("stream", (stream: ServerHttp2Stream, headers) => {
      paths.push(headers[":path"]);
      stream.on("wantTrailers", () => stream.sendTrailers({ "grpc-status": "0" }));
      stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
      stream.resume().on("end", () => stream.end(Buffer.alloc(5)));
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    vi.stubEnv("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", `http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const push = await pushMetrics(parts(newSet().set), { ...far, protocol: "grpc" });
    await push.stop();
    server.close();
    expect(paths).toEqual(["/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"]);
    expect(push.failed).toBe(0);
  });

  it("counts what was not taken, and tells it once until it is over", async () => {
    using _peer = await startPeer([400, 400, 200, 400]);
    const lines: string[] = [];
    const push = await pushMetrics(
      parts(newSet().set, (line) => lines.push(line)),
      {
        intervalMs: 20,
        timeoutMs: 20,
      },
    );
    await vi.waitFor(() => expect(push.failed).toBeGreaterThan(2));
    await push.stop();
    expect(lines).toHaveLength(2);
    expect(lines[0]).toMatch(/^metrics: cannot push: /);
  });

  it("stops although the endpoint is away", async () => {
    vi.stubEnv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1");
    const push = await pushMetrics(parts(newSet().set), far);
    await push.stop();
  });
});

/** The values of one push. */
function pointsOf(request: { resourceMetrics: { scopeMetrics: { metrics: Record<string, unknown>[] }[] }[] }) {
  const metrics = request.resourceMetrics[0]!.scopeMetrics[0]!.metrics;
  const point = (name: string, kind: string) => {
    const metric = metrics.find((each) => each.name === name) as Record<
      string,
      { dataPoints: Record<string, number>[] }
    >;
    return metric[kind]!.dataPoints[0]!;
  };
  return {
    jobs: Number(point("a.jobs.ended", "sum").asInt),
    depth: Number(point("a.depth", "sum").asInt),
    durations: Number(point("a.duration", "histogram").count),
  };
}

class PullReader extends MetricReader {
  protected override async onShutdown() {}
  protected override async onForceFlush() {}
}

describe("a meter of the application", () => {
  it("gets all metrics, histograms of series made later too", async () => {
    const reader = new PullReader();
    const provider = new MeterProvider({ readers: [reader] });
    const { set, more } = newSet();
    offerMetrics(set, provider.getMeter("app"));
    more();
    set.distribution("a.duration", { late: "yes" }).record(0.5);
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    const values = resourceMetrics.scopeMetrics[0]!.metrics.map(({ descriptor, dataPoints }) => [
      descriptor.name,
      dataPoints.map(({ value }) => (typeof value === "number" ? value : "buckets" in value && value.buckets)),
    ]);
    // Of the histogram only what was recorded since the meter had it.
    const buckets = (counts: number[]) => ({ boundaries: [1, 10], counts });
    expect(Object.fromEntries(values)).toEqual({
      "a.jobs.ended": [5],
      "a.cpu.time": [1.5],
      "a.depth": [3],
      "a.use": [0.5],
      "a.duration": [buckets([0, 0, 1]), buckets([1, 0, 0])],
    });
  });
});
