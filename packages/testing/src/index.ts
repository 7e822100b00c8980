export { type Backends, buildBackends } from "./backends/build-backends.ts";
export { type Collector, startCollector } from "./backends/collector.ts";
export { type Jaeger, startJaeger } from "./backends/jaeger.ts";
export { type PlainSpan, plainSpans } from "./backends/plain-spans.ts";
export { checkMetrics, hasPrometheus, type Prometheus, startPrometheus } from "./backends/prometheus.ts";
export { sendOtlpLines } from "./backends/send-otlp-lines.ts";
export { type ChaosOutcome, type ChaosRunOptions, runSeed, shrinkSeed } from "./chaos/chaos-run.ts";
export type {
  ChaosProjection,
  ChaosSetup,
  ChaosSpan,
  ChaosStorage,
  ChaosSubject,
} from "./chaos/chaos-subject.ts";
export { type ChaosSeeds, describeFailure, testChaos } from "./chaos-suite.ts";
export { type Fault, FaultyProxy } from "./clickhouse/faulty-proxy.ts";
export { TestClickHouse, type TestClickHouseOptions } from "./clickhouse/test-clickhouse.ts";
export {
  type ExporterSubject,
  type MakeExporter,
  sampleLogs,
  sampleTraces,
  testExporter,
} from "./exporter/exporter-suite.ts";
export { OtlpGrpcPeer } from "./exporter/otlp-grpc-peer.ts";
export { type OtlpGrpcSetup, testOtlpGrpcExporter } from "./exporter/otlp-grpc-suite.ts";
export {
  type Answer,
  OtlpPeer,
  type PeerRules,
  type RecordedRequest,
  rejectLogs,
  rejectSpans,
  status,
} from "./exporter/otlp-peer.ts";
export { type OtlpSetup, type OtlpTestOptions, testOtlpExporter } from "./exporter/otlp-suite.ts";
export { type OtlpEncoding, readLogs, readTraces } from "./exporter/read-otlp.ts";
export { peerBackend, type ReadmeBackend, type ReadmeSetup, testReadme } from "./exporter/readme-suite.ts";
export { FakeClock } from "./fake-clock.ts";
export { TestPostgres, type TestPostgresOptions } from "./postgres/test-postgres.ts";
export { newSignal, type Signal, type WaitOptions, waitFor } from "./signal.ts";
export {
  type SpanStoreFixture,
  type SuiteRow,
  type SuiteSpan,
  type SuiteSpanStore,
  testSpanStore,
} from "./span-store-suite.ts";
export {
  type GroupSketch,
  LEASE_MS,
  type MakeStore,
  retryAtOnce,
  StoreDriver,
  taskSet,
  toReport,
} from "./store-suite/driver.ts";
export { checkInvariants } from "./store-suite/invariants.ts";
export { storeCases, testStore } from "./store-suite.ts";
export { tempDir } from "./temp-dir.ts";
export { type TestCertificate, testCertificates } from "./test-certificates.ts";
export { TestS3 } from "./test-s3.ts";
