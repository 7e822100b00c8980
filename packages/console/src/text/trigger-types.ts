import { TriggerType } from "@spanloom/protocol";

/** What sets a job going, by its name in URLs. */
export const triggerTypes: readonly { name: string; type: TriggerType }[] = [
  { name: "manual", type: TriggerType.MANUAL },
  { name: "schedule", type: TriggerType.SCHEDULE },
  { name: "event", type: TriggerType.EVENT },
  { name: "webhook", type: TriggerType.WEBHOOK },
  { name: "clone", type: TriggerType.CLONE },
];

export function triggerTypeName(type: TriggerType | undefined): string {
  return triggerTypes.find((each) => each.type === type)?.name ?? "manual";
}
