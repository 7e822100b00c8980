import { toJson } from "@bufbuild/protobuf";
import { AttributeFilterSchema } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { attributeAlternatives } from "./attribute-filter.ts";
import type { AttributeConditions } from "./conditions.ts";
import { readVectors } from "./testing/vectors.ts";

interface ConditionVector {
  name: string;
  conditions: AttributeConditions;
  filters: unknown;
  reason: string;
}

const vectors = readVectors<{ conditions: ConditionVector[]; refused: ConditionVector[] }>("attribute-conditions");

describe("a condition on attributes", () => {
  it.each(vectors.conditions)("is what every client makes of it: $name", ({ conditions, filters }) => {
    const groups = attributeAlternatives("attributes", conditions);
    expect(groups.map((group) => group.map((each) => toJson(AttributeFilterSchema, each)))).toEqual(filters);
  });

  it.each(vectors.refused)("is refused by every client: $name", ({ conditions, reason }) => {
    const refused = expect.objectContaining({
      reason,
      message: expect.stringMatching(/^cannot query: attributes\["k"\] /),
    });
    expect(() => attributeAlternatives("attributes", conditions)).toThrow(refused);
  });
});
