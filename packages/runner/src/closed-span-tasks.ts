import type { TaskFacts, TaskLookup } from "@spanloom/exporter";
import { attributeNames, bytesToHex, type ClosedSpanTask } from "@spanloom/protocol";

/** What came with a batch of spans about tasks that it does not tell of whole, to be looked up by their span ids. */
export function closedSpanTasks(tasks: readonly ClosedSpanTask[]): TaskLookup | undefined {
  if (tasks.length === 0) return undefined;
  const byId = new Map(tasks.map((task) => [bytesToHex(task.spanId), task]));
  return (spanId) => {
    const task = byId.get(spanId);
    return task && factsOf(task);
  };
}

function factsOf({ traceId, parentSpanId, lastAttempt, dependencySpanIds }: ClosedSpanTask): TaskFacts {
  return {
    parentSpanId: bytesToHex(parentSpanId),
    lastAttempt,
    links: dependencySpanIds.map((spanId) => dependencyLink(traceId, spanId)),
  };
}

/** The link as the task's own span has it. */
function dependencyLink(traceId: Uint8Array, spanId: Uint8Array): TaskFacts["links"][number] {
  return {
    $typeName: "opentelemetry.proto.trace.v1.Span.Link",
    traceId,
    spanId,
    traceState: "",
    attributes: [
      {
        $typeName: "opentelemetry.proto.common.v1.KeyValue",
        key: attributeNames.linkType,
        value: {
          $typeName: "opentelemetry.proto.common.v1.AnyValue",
          value: { case: "stringValue", value: "dependency" },
        },
      },
    ],
    droppedAttributesCount: 0,
    flags: 0,
  };
}
