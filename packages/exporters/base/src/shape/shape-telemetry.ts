import { create } from "@bufbuild/protobuf";
import type {
  ExportLogsServiceRequest,
  ExportTraceServiceRequest,
  LogRecord,
  Resource,
  Span,
} from "@spanloom/protocol/otlp";
import { ResourceSchema } from "@spanloom/protocol/otlp";
import type { TelemetryBatch } from "../exporter.ts";
import { TaskDirectory, withoutTask } from "./only-attempts.ts";
import { samplerOf } from "./sampling.ts";
import { type AttributeShapes, attributeShapes, type ShapeAttributes } from "./shape-attributes.ts";
import type { ShapeOptions, TaskLookup } from "./shape-options.ts";

/**
 * Gives a batch as a backend is to have it; what is given stays as it is. Whoever feeds it may tell of tasks whose span is
 * not in the batch, over {@link ShapeOptions.tasks}; it is asked only where that matters.
 */
export interface ShapeTelemetry {
  (batch: TelemetryBatch, tasks?: TaskLookup): TelemetryBatch;
  /** Whether it asks for tasks at all; absent is no. */
  readonly asksForTasks?: boolean;
}

/** A change of one record; undefined leaves it out. */
type ShapeRecord<Kind> = (record: Kind) => Kind | undefined;

/** A change of a group's resource. */
type ShapeResource = (resource: Resource | undefined) => { resource?: Resource };

/**
 * A stage that gives batches as a backend is to have them: sampled, with or without the spans of tasks, with other
 * attributes.
 *
 * It holds nothing between batches, so that it can stand in front of any queue, in server and runner alike. A batch
 * shares with what was given whatever does not change.
 *
 * Errors: INVALID_FIELD for options out of their domain.
 */
export function shapeTelemetry(options: ShapeOptions): ShapeTelemetry {
  const samples = samplerOf(options.sampling);
  const shapes = attributeShapes(options);
  const shapeLog: ShapeRecord<LogRecord> = (record) =>
    samples && !samples(record) ? undefined : withAttributes(record, shapes.ofRecords);
  const shapeResource = resourceShape(shapes.ofResources);
  const stage = { samples, shapes };
  const shape: ShapeTelemetry = ({ traces, logs }, tasks = options.tasks) => ({
    ...(traces && { traces: shapeTraces(traces, spanShape(traces, { ...options, tasks }, stage), shapeResource) }),
    ...(logs && { logs: shapeLogs(logs, shapeLog, shapeResource) }),
  });
  return Object.assign(shape, { asksForTasks: options.lifecycle === "attempts" });
}

interface Stage {
  readonly samples: ReturnType<typeof samplerOf>;
  readonly shapes: AttributeShapes;
}

function spanShape(
  traces: ExportTraceServiceRequest,
  { lifecycle, tasks }: ShapeOptions,
  { samples, shapes }: Stage,
): ShapeRecord<Span> {
  const directory = lifecycle === "attempts" ? new TaskDirectory(spansOf(traces), tasks) : undefined;
  return (span) => {
    if (samples && !samples(span)) return undefined;
    const placed = directory ? withoutTask(span, directory) : span;
    return placed && withParts(withAttributes(placed, shapes.ofRecords), shapes.ofParts);
  };
}

function* spansOf({ resourceSpans }: ExportTraceServiceRequest): Generator<Span> {
  for (const { scopeSpans } of resourceSpans) for (const { spans } of scopeSpans) yield* spans;
}

function shapeTraces(
  traces: ExportTraceServiceRequest,
  shape: ShapeRecord<Span>,
  shapeResource: ShapeResource,
): ExportTraceServiceRequest {
  const resourceSpans = traces.resourceSpans.flatMap((from) => {
    const scopeSpans = from.scopeSpans.flatMap((scope) => {
      const spans = scope.spans.map(shape).filter((span) => span !== undefined);
      return spans.length === 0 ? [] : [{ ...scope, spans }];
    });
    return scopeSpans.length === 0 ? [] : [{ ...from, ...shapeResource(from.resource), scopeSpans }];
  });
  return { ...traces, resourceSpans };
}

function shapeLogs(
  logs: ExportLogsServiceRequest,
  shape: ShapeRecord<LogRecord>,
  shapeResource: ShapeResource,
): ExportLogsServiceRequest {
  const resourceLogs = logs.resourceLogs.flatMap((from) => {
    const scopeLogs = from.scopeLogs.flatMap((scope) => {
      const logRecords = scope.logRecords.map(shape).filter((record) => record !== undefined);
      return logRecords.length === 0 ? [] : [{ ...scope, logRecords }];
    });
    return scopeLogs.length === 0 ? [] : [{ ...from, ...shapeResource(from.resource), scopeLogs }];
  });
  return { ...logs, resourceLogs };
}

/** Changes resources. Batches of one runner share theirs, so each is changed once. */
function resourceShape(shape: ShapeAttributes | undefined): ShapeResource {
  const shaped = new WeakMap<Resource, Resource>();
  if (!shape) return () => ({});
  return (resource = create(ResourceSchema)) => {
    const other = shaped.get(resource) ?? { ...resource, attributes: shape(resource.attributes) };
    shaped.set(resource, other);
    return { resource: other };
  };
}

function withAttributes<Kind extends Span | LogRecord>(record: Kind, shape: ShapeAttributes | undefined): Kind {
  return shape ? { ...record, attributes: shape(record.attributes) } : record;
}

/** A span whose events and links have other attributes. */
function withParts(span: Span, shape: ShapeAttributes | undefined): Span {
  if (!shape || (span.events.length === 0 && span.links.length === 0)) return span;
  return {
    ...span,
    events: span.events.map((event) => ({ ...event, attributes: shape(event.attributes) })),
    links: span.links.map((link) => ({ ...link, attributes: shape(link.attributes) })),
  };
}
