import { testOtlpGrpcExporter } from "@spanloom/testing";
import { OtlpExporter } from "./otlp-exporter.ts";

testOtlpGrpcExporter("OtlpExporter", {
  make: (endpoint, { timeoutMs }) =>
    new OtlpExporter({ endpoint, protocol: "grpc", headers: { "x-api-key": "k1-secret" }, timeoutMs }),
  headers: { "x-api-key": "k1-secret" },
  logs: true,
  secrets: ["k1-secret"],
});

testOtlpGrpcExporter("OtlpExporter with gzip", {
  make: (endpoint, { timeoutMs }) => new OtlpExporter({ endpoint, protocol: "grpc", compression: "gzip", timeoutMs }),
  headers: {},
  logs: true,
  secrets: [],
});
