import { type Catalogue, type MetricEntry, prometheusName } from "@spanloom/metrics";
import { runnerCatalogue } from "@spanloom/runner/metrics";
import { serverCatalogue } from "@spanloom/server/metrics";

const head = `# Metrics

<!-- Written by \`npm run generate\` from the programs' catalogues of metrics; a check keeps the two equal. -->

Metrics are OpenTelemetry's: named by its conventions, shown in Prometheus' text, and pushed over OTLP when that is asked
for. They are plain numbers that are read when somebody collects, so they cost next to nothing while nobody does.

## Prometheus

\`GET /metrics\` of the server, on its one port, answers in Prometheus' text. With tokens it needs one of scope \`read\`, but
with \`--metrics-public\` (\`SPANLOOM_METRICS_PUBLIC=true\`) it needs none.

\`\`\`yaml ignore
scrape_configs:
  - job_name: spanloom
    authorization: { credentials_file: token }
    static_configs: [{ targets: ["127.0.0.1:7171"] }]
\`\`\`

## OTLP

\`OTEL_METRICS_EXPORTER=otlp\` pushes to \`OTEL_EXPORTER_OTLP_METRICS_ENDPOINT\`, or \`OTEL_EXPORTER_OTLP_ENDPOINT\`, every
\`OTEL_METRIC_EXPORT_INTERVAL\` milliseconds (60000), as \`OTEL_EXPORTER_OTLP_METRICS_PROTOCOL\` says: \`http/protobuf\`,
\`http/json\` or \`grpc\`. Headers, certificates, compression, timeouts and
\`OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE\` are those of OpenTelemetry's own exporters, which do the sending. Unlike
in OpenTelemetry's SDK nothing is pushed unless it is asked for. \`prometheus\` and \`none\` push nothing, nor does
\`OTEL_SDK_DISABLED=true\`; \`/metrics\` is served in any case.

## Tags

\`SPANLOOM_METRICS_TAGS=team=a,env=b\`, or \`--metrics-tag team=a\` for each, puts static tags on every series in Prometheus'
text, and on the resource of what is pushed. \`OTEL_RESOURCE_ATTRIBUTES\` and \`OTEL_SERVICE_NAME\` are the resource's too:
\`target_info\` in Prometheus' text. A metric shows at most 2,000 series; the values of others come together under
\`otel.metric.overflow="true"\`.
`;

const dropped = `
## What is refused, cut or dropped

Everything that is has a counter on the server:

| what | counted by |
|---|---|
| spans and log records that are refused one by one, told by partial success | \`spanloom.telemetry.rejected\` |
| payloads refused whole: spool or disk full, malformed, while stopping | \`spanloom.telemetry.refused\` by reason |
| payloads that were acknowledged and are lost all the same | \`spanloom.telemetry.dropped\` |
| half-written ends of the spool's files after a crash | \`spanloom.spool.torn\` |
| spans and logs that runners had no room for | \`spanloom.telemetry.dropped_by_runners\` |
| open spans of lost attempts that stay open | \`spanloom.lifecycle.unclosed\` |
| spans and logs that the backend of an exporter refused | \`spanloom.exporter.dropped\` |
| ended spans that no runner fetched for its exporters and hooks | \`spanloom.closed_spans.dropped\` |
| spans of the server's own work | \`spanloom.self_tracing.spans\` by outcome |
| collections of metrics that a backend did not take | \`spanloom.metrics.push.failures\` |
| results of attempts that lost their lease, or are invalid | \`spanloom.results.refused\` |
| error messages and stacks beyond their limits | \`spanloom.results.cut\` |
| progress under more labels than a job keeps | \`spanloom.progress.dropped\` |
| leases for a runner that was gone | \`spanloom.leases.returned\` |
| times of schedules that submitted nothing: missed, skipped, failed | \`spanloom.schedule.firings\` by outcome |
| events that submitted nothing at a trigger that took them | \`spanloom.trigger.firings\` by outcome |
| events of which a filter or an input could not be told | \`spanloom.trigger.errors\`, \`spanloom.trigger.runaways\` |
| deliveries to webhooks that are refused | \`spanloom.webhooks.deliveries\` by outcome |
| calls and requests that are refused | \`rpc.server.call.duration\` and \`http.server.request.duration\` by status |
| connections and requests that reach no handler | \`spanloom.connections.refused\` |
| series of a metric beyond 2,000 | those with \`otel.metric.overflow\` |

Runners count their own: \`spanloom.runner.telemetry.dropped\`, \`spanloom.runner.results.refused\`,
\`spanloom.runner.leases.lost\`, \`spanloom.runner.closed_spans.lost\`, \`spanloom.runner.hooks.calls\`, and those of its
exporters, all [below](#runner).

Not counted is what is meant to go: rows older than \`--retention-days\`, events older than \`--event-retention-days\`,
firings beyond \`keep_firings\`, what an exporter's sampling and filters leave out, and answers that nobody is left to
read.
`;

const alarms = `
## What is worth an alarm

Of schedules, triggers and webhooks, which nobody waits for and so nobody misses:

| in PromQL | says |
|---|---|
| \`max(spanloom_schedule_lag_seconds) > 60\` | schedules are due and no server fires them |
| \`sum(increase(spanloom_schedule_firings_total{spanloom_outcome=~"missed\\|failed"}[1h])) > 0\` | times submitted nothing: no server ran, or the job cannot be made; \`skipped\` is an overlap policy's doing |
| \`histogram_quantile(0.99, sum by (le) (rate(spanloom_schedule_delay_seconds_bucket[10m]))) > 5\` | they fire, but late |
| \`max(spanloom_event_backlog_age_seconds) > 60\` | events wait to be matched |
| \`sum(increase(spanloom_trigger_firings_total{spanloom_outcome="failed"}[1h])) > 0\` | a filter or an input fails, or jobs start each other beyond the limit; \`ListFirings\` says why |
| \`sum(increase(spanloom_trigger_failures_total[10m])) > 0\` | a pass failed, as when the store was away; it is tried again |
| \`sum(increase(spanloom_webhooks_deliveries_total{spanloom_outcome=~"signature\\|secret"}[1h])) > 0\` | somebody signs with another secret, or the server lacks its own |

\`spanloom_schedule_delay_seconds\` is counted as times fire; of one job \`spanloom.firing_delay_ms\` says it.
`;

const server = `
## Server

Of several servers on one record each shows its own figures, but for those marked *shared*, which are the record's: take
them from one server (\`max\`), not their sum. Sums count since the server was started.

`;

const runner = `
## Runner

A runner in an application gives its metrics to the application's meter provider: the one registered globally when the
runner starts, or the one of \`new Runner({ metrics: { provider } })\`. Without any nobody collects them, but for
\`runner.writeMetrics()\`, which answers in Prometheus' text, and \`metrics: { push: {} }\`, which pushes over OTLP as above.

\`spanloom-runner\` pushes with \`OTEL_METRICS_EXPORTER=otlp\`, as the server does, and serves \`GET /metrics\` where
\`--metrics-listen 127.0.0.1:9464\` (\`SPANLOOM_METRICS_LISTEN\`) says: without a token, so keep it off the internet. Sums
count since the runner was made.

`;

/** The page docs/metrics.md: a row for each metric of each program. */
export function metricsPage(): string {
  return head + dropped + alarms + server + tableOf(serverCatalogue) + runner + tableOf(runnerCatalogue);
}

function tableOf(catalogue: Catalogue): string {
  const rows = Object.entries(catalogue).map(([name, entry]) => {
    const { kind, unit } = entry;
    return `| \`${name}\` | \`${prometheusName(name, entry)}\` | ${kinds[kind]} | \`${unit}\` | ${meaningOf(entry)} |\n`;
  });
  return `| metric | in Prometheus | kind | unit | meaning |\n|---|---|---|---|---|\n${rows.join("")}`;
}

const kinds: Readonly<Record<MetricEntry["kind"], string>> = {
  counter: "counter",
  updown: "up-down counter",
  gauge: "gauge",
  histogram: "histogram",
};

function meaningOf({ about, attributes = {}, isShared = false }: MetricEntry): string {
  const list = Object.entries(attributes).map(([name, values]) => `\`${name}\`: ${values}`);
  return [about, ...(isShared ? ["*Shared.*"] : []), ...(list.length > 0 ? [`By ${list.join("; ")}.`] : [])].join(" ");
}
