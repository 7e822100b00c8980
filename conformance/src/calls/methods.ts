import type { DescMessage, DescMethod } from "@bufbuild/protobuf";
import { EventService, JobService, QueryService, RunnerService, TaskService, TriggerService } from "@spanloom/protocol";
import type { Template } from "../cases/template.ts";

const services = [JobService, TaskService, RunnerService, QueryService, TriggerService, EventService];

/** Calls of the protocol by name, e.g. `JobService.SubmitJob`. */
export const methods: ReadonlyMap<string, DescMethod> = new Map(
  services.flatMap((service) => service.methods.map((method) => [`${service.name}.${method.name}`, method] as const)),
);

/**
 * The first field of a request or expectation that its message does not have, with its line; undefined when all are known.
 *
 * Fields are named as in `proto/`. What stands behind variables cannot be looked at.
 */
export function unknownField(
  template: Template,
  message: DescMessage,
): { field: string; line: number; message: string } | undefined {
  if (template.kind === "list") return firstUnknown(template.items, message);
  if (template.kind === "tag") return opaque.has(template.tag) ? undefined : unknownField(template.argument, message);
  if (template.kind === "value") return undefined;
  // Of what !each and !repeat take, only the entries are of the message.
  const entry = template.entries.get("of") ?? template.entries.get("item");
  if (entry && template.entries.has("times")) return unknownField(entry, message);
  for (const [name, value] of template.entries) {
    if (name === "<<") continue;
    const field = message.fields.find((candidate) => candidate.name === name);
    if (!field) return { field: name, line: value.line, message: message.name };
    const inner = field.fieldKind === "map" ? undefined : field.message;
    const found = inner && !inner.typeName.startsWith("google.protobuf.") ? unknownField(value, inner) : undefined;
    if (found) return found;
  }
  return undefined;
}

/** Tags whose argument is no part of the message: settings of a matcher, or what bytes hold. */
const opaque: ReadonlySet<string> = new Set([
  "json",
  "range",
  "time",
  "length",
  "bytes",
  "regex",
  "traces",
  "logs",
  "text",
]);

function firstUnknown(items: readonly Template[], message: DescMessage) {
  for (const item of items) {
    const found = unknownField(item, message);
    if (found) return found;
  }
  return undefined;
}
