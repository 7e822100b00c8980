import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  errorCatalogue,
  fromConnectError,
  type Reason,
  SpanloomError,
  toConnectError,
  toErrorDetail,
} from "./errors.ts";
import { ErrorDetailSchema, ErrorReason } from "./gen/spanloom/v1/error_pb.ts";

const reasons = Object.keys(errorCatalogue) as Reason[];

describe("error catalogue", () => {
  it("has an entry for every reason of the protocol, and no other", () => {
    expect(reasons).toEqual(Object.keys(ErrorReason).filter((name) => name !== "UNSPECIFIED"));
  });

  it("marks the transient Connect codes as retryable, and those alone", () => {
    const transient = [Code.Unavailable, Code.ResourceExhausted, Code.DeadlineExceeded];
    for (const { code, retryable } of Object.values(errorCatalogue)) expect(retryable).toBe(transient.includes(code));
  });

  it("says of every reason one sentence", () => {
    for (const { summary } of Object.values(errorCatalogue)) expect(summary).toMatch(/^[A-Z][^|\n]+\.$/);
  });
});

/** The error after a trip over the wire: only code, message and serialized details arrive. */
function travel(error: unknown): SpanloomError {
  const sent = toConnectError(error);
  const received = new ConnectError(sent.rawMessage, sent.code);
  received.details = sent.details.map((detail) => {
    if ("type" in detail) return detail;
    const value = toBinary(
      ErrorDetailSchema,
      create(ErrorDetailSchema, detail.value as MessageInitShape<typeof ErrorDetailSchema>),
    );
    return { type: ErrorDetailSchema.typeName, value };
  });
  return fromConnectError(received);
}

describe("errors over the wire", () => {
  it("arrive with reason, message and facts", () => {
    const facts = fc.record(
      {
        field: fc.string({ minLength: 1 }),
        limit: fc.maxSafeInteger(),
        actual: fc.maxSafeInteger(),
        retryAfterMs: fc.nat(),
        metadata: fc.dictionary(fc.string(), fc.string(), { minKeys: 1, noNullPrototype: true }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.constantFrom(...reasons), fc.string(), facts, (reason, message, some) => {
        const error = travel(new SpanloomError(reason, message, some));
        expect(error).toMatchObject({ reason, message, code: errorCatalogue[reason].code });
        expect(error.facts).toEqual(some);
      }),
    );
  });

  it("keep the cause on the side that knows it", () => {
    const cause = new Error("disk I/O error");
    expect(toConnectError(new SpanloomError("STORE_UNAVAILABLE", "cannot read: x", {}, { cause })).cause).toMatchObject(
      { cause },
    );
  });

  it("are INTERNAL when they were no SpanloomError, with the message kept", () => {
    expect(travel(new TypeError("x is undefined"))).toMatchObject({
      reason: "INTERNAL",
      message: "cannot serve the call: x is undefined",
      retryable: false,
    });
    expect(travel("text").message).toBe("cannot serve the call: text");
  });

  it("pass through both translations when they are already translated", () => {
    const connect = new ConnectError("no", Code.NotFound);
    const known = new SpanloomError("JOB_NOT_FOUND", "no");
    expect(toConnectError(connect)).toBe(connect);
    expect(fromConnectError(known)).toBe(known);
  });

  it("round a retry delay up, so that nobody comes back too early", () => {
    expect(toErrorDetail(new SpanloomError("OVERLOADED", "x", { retryAfterMs: 0.2 })).retryAfterMs).toBe(1n);
  });
});
