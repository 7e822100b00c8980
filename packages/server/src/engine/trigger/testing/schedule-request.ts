import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { PutScheduleRequestSchema, PutTriggerRequestSchema, type SubmitJobRequestSchema } from "@spanloom/protocol";

const json = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** Fields as a literal gives them. */
type Changes<Desc extends DescMessage> = Exclude<MessageInitShape<Desc>, { $typeName: string }>;

/** A job of one task. */
export const jobOfOne = {
  name: "report",
  tasks: { specs: [{ identifier: { name: "build" } }], groups: [{ inputs: [json({ a: 1 })], specs: [0] }] },
} as const satisfies MessageInitShape<typeof SubmitJobRequestSchema>;

/** A schedule of every minute, with changes. */
export function scheduleRequest(changes: Changes<typeof PutScheduleRequestSchema> = {}) {
  const init: Changes<typeof PutScheduleRequestSchema> = {
    name: "nightly",
    spec: { times: { case: "cron", value: { expression: "* * * * *" } } },
    job: jobOfOne,
    ...changes,
  };
  return create(PutScheduleRequestSchema, init as MessageInitShape<typeof PutScheduleRequestSchema>);
}

/** A trigger of paid orders, with changes. */
export function triggerRequest(changes: Changes<typeof PutTriggerRequestSchema> = {}) {
  const init: Changes<typeof PutTriggerRequestSchema> = {
    name: "on-paid",
    keyPattern: "order.paid",
    job: jobOfOne,
    ...changes,
  };
  return create(PutTriggerRequestSchema, init as MessageInitShape<typeof PutTriggerRequestSchema>);
}
