import type { Message } from "@bufbuild/protobuf";

/** Numbers that no message of the protocol uses, with values of three wire types. */
const unknown = [
  { no: 9_001, wireType: 0, data: new Uint8Array([1]) },
  { no: 9_002, wireType: 2, data: new Uint8Array([3, 110, 101, 119]) },
  { no: 9_003, wireType: 5, data: new Uint8Array([1, 2, 3, 4]) },
];

/** Adds fields of a later protocol to a message and to those within it. */
export function withUnknownFields<Answer extends Message>(answer: Answer): Answer {
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) for (const item of value) visit(item);
    else if (isMessage(value)) {
      value.$unknown = [...unknown];
      for (const field of Object.values(value)) visit(field);
    }
  };
  visit(answer);
  return answer;
}

function isMessage(value: unknown): value is Message {
  return typeof value === "object" && value !== null && "$typeName" in value;
}
