// OTLP trace and log messages, generated from proto/opentelemetry; wire-compatible with OTLP 1.x.
export * from "./gen/opentelemetry/proto/collector/logs/v1/logs_service_pb.ts";
export * from "./gen/opentelemetry/proto/collector/trace/v1/trace_service_pb.ts";
export * from "./gen/opentelemetry/proto/common/v1/common_pb.ts";
export * from "./gen/opentelemetry/proto/logs/v1/logs_pb.ts";
export * from "./gen/opentelemetry/proto/resource/v1/resource_pb.ts";
export * from "./gen/opentelemetry/proto/trace/v1/trace_pb.ts";
