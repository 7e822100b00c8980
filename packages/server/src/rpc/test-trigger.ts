import { create } from "@bufbuild/protobuf";
import {
  type Limits,
  type NewEvent,
  type SubmitJobRequest,
  SubmitJobRequestSchema,
  type TestTriggerRequest,
  TestTriggerResponseSchema,
  type TriggerService,
} from "@spanloom/protocol";
import type { Clock } from "../clock.ts";
import { checkLimit, invalidField } from "../engine/field.ts";
import { checkKey } from "../engine/trigger/key-pattern.ts";
import { readTrigger, type TriggerDefinition } from "../engine/trigger/trigger-definition.ts";
import type { Handlers } from "./service-route.ts";

/** What is tried: a trigger's rules, and an event. */
interface TestedTrigger {
  id: string;
  keyPattern: string;
  filter: string;
  input: string;
}

interface TestedEvent {
  id: string;
  key: string;
  payload: Uint8Array;
  metadata: Readonly<Record<string, string>>;
  receivedAtUs: number;
  onlyTrigger: string;
}

/** Tells which events match which triggers, and what input they make. */
export interface TriggerTester {
  match(
    triggers: readonly TestedTrigger[],
    events: readonly TestedEvent[],
  ): Promise<readonly { input?: Uint8Array; error?: string }[]>;
}

/** What TestTrigger needs. */
export interface TestTriggerOptions {
  clock: Clock;
  limits: Limits;
  tester?: TriggerTester | undefined;
}

/** The call that tries a trigger. */
export function testTrigger({ clock, limits, tester }: TestTriggerOptions): Handlers<typeof TriggerService> {
  if (!tester) return {};
  return {
    async testTrigger({ trigger, event }: TestTriggerRequest) {
      if (!trigger) throw invalidField("trigger", "is absent");
      if (!event) throw invalidField("event", "is absent");
      const definition = readTrigger({ ...trigger, name: trigger.name || "test" }, limits);
      const tested = toTestedEvent(event, clock.nowUs(), limits);
      const [match] = await tester.match([{ ...definition, id: "" }], [tested]);
      if (!match) return create(TestTriggerResponseSchema, {});
      if (match.error !== undefined) return create(TestTriggerResponseSchema, { error: match.error });
      const input = match.input ?? (tested.payload.length > 0 ? tested.payload : NULL);
      return create(TestTriggerResponseSchema, { matches: true, job: jobFor(trigger.job, definition, input) });
    },
  };
}

const NULL = new TextEncoder().encode("null");

function toTestedEvent({ id, key, payload, metadata }: NewEvent, receivedAtUs: number, limits: Limits): TestedEvent {
  checkKey(key, "event.key");
  checkLimit("event.payload", payload.length, limits.maxEventBytes, "bytes");
  checkLimit("event.metadata", Object.keys(metadata).length, limits.maxEventMetadata, "entries");
  try {
    if (payload.length > 0) JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(payload));
  } catch (error) {
    throw invalidField("event.payload", `is not JSON: ${(error as Error).message}`);
  }
  return { id, key, payload, metadata, receivedAtUs, onlyTrigger: "" };
}

/** The template with the input in its places. */
function jobFor(
  template: SubmitJobRequest | undefined,
  { inputTasks }: TriggerDefinition,
  input: Uint8Array,
): SubmitJobRequest {
  const { $typeName, $unknown, tasks, ...fields } = template ?? create(SubmitJobRequestSchema);
  const groups = (tasks?.groups ?? []).map((group, index) => {
    const places = new Set(inputTasks.filter((place) => place.group === index).map(({ at }) => at));
    return { ...group, inputs: group.inputs.map((given, at) => (places.has(at) ? input : given)) };
  });
  return create(SubmitJobRequestSchema, { ...fields, ...(tasks && { tasks: { ...tasks, groups } }) });
}
