import { toJson } from "@bufbuild/protobuf";
import { type TaskGroup, type TaskResult, TaskResultSchema, type TaskSet, TaskSpecSchema } from "@spanloom/protocol";
import { isJsonObject, type JsonObject } from "../cases/template.ts";
import { spanRecord } from "./telemetry-record.ts";

/**
 * A result as cases see it: its fields, the attempt's own span decoded, and `tasks`: the children one by one, so that a case
 * does not depend on how they were gathered in groups; `groups` and `specs` count those.
 */
export function resultRecord(result: TaskResult): JsonObject {
  const json = toJson(TaskResultSchema, result, { useProtoFieldName: true, alwaysEmitImplicit: true }) as JsonObject;
  const { attemptSpan, outcome } = result;
  if (attemptSpan) json.attempt_span = spanRecord(attemptSpan);
  if (outcome.case !== "success" || !isJsonObject(json.success)) return json;
  const { children } = outcome.value;
  json.success.children = {
    tasks: children ? tasksOf(children) : [],
    groups: children?.groups.length ?? 0,
    specs: children?.specs.length ?? 0,
  };
  return json;
}

/** One entry for each child: its spec's fields, its input as text, its display, and the inputs of what it waits for. */
function tasksOf({ specs, groups }: TaskSet): JsonObject[] {
  return groups.flatMap((group) => {
    const dependsOn = group.dependsOn.flatMap((index) => inputsOf(groups[index]));
    return group.inputs.map((input, at): JsonObject => {
      const spec = specs[group.specs[at] ?? group.specs[0] ?? 0];
      const fields = spec ? (toJson(TaskSpecSchema, spec, { useProtoFieldName: true }) as JsonObject) : {};
      return {
        ...fields,
        input: Buffer.from(input).toString(),
        display: group.displays[at] ?? "",
        depends_on: dependsOn,
      };
    });
  });
}

function inputsOf(group: TaskGroup | undefined): string[] {
  return (group?.inputs ?? []).map((input) => Buffer.from(input).toString());
}
