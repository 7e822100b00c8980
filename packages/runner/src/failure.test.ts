import { readFileSync } from "node:fs";
import { fromBinary, toBinary, toJson } from "@bufbuild/protobuf";
import { TaskFailureSchema } from "@spanloom/protocol";
import { RetryableError, TerminalError } from "@spanloom/sdk";
import { describe, expect, it } from "vitest";
import { toTaskFailure } from "./failure.ts";

type Text = string | { $repeat: [string, number]; then?: string } | { $utf16: number[] };

interface RaisedError {
  kind: "plain" | "terminal" | "retryable";
  message: Text;
  retryAfterMs?: number;
  cause?: RaisedError;
}

interface FailureVector {
  name: string;
  error: RaisedError;
  failure: { message: Text } & Record<string, unknown>;
  stackHas?: string;
}

const file = new URL("../../../conformance/vectors/failures.json", import.meta.url);
const vectors = JSON.parse(readFileSync(file, "utf8")) as { failures: FailureVector[] };

function textOf(text: Text): string {
  if (typeof text === "string") return text;
  if ("$utf16" in text) return String.fromCharCode(...text.$utf16);
  return text.$repeat[0].repeat(text.$repeat[1]) + (text.then ?? "");
}

function raised({ kind, message, retryAfterMs, cause }: RaisedError): Error {
  const options = { ...(retryAfterMs !== undefined && { retryAfterMs }), ...(cause && { cause: raised(cause) }) };
  if (kind === "terminal") return new TerminalError(textOf(message), options);
  return kind === "retryable" ? new RetryableError(textOf(message), options) : new RangeError(textOf(message), options);
}

describe("what a task throws", () => {
  it.each(vectors.failures)("is reported as every runner does: $name", ({ error, failure, stackHas }) => {
    const sent = fromBinary(TaskFailureSchema, toBinary(TaskFailureSchema, toTaskFailure(raised(error))));
    expect(sent.stack).toContain(stackHas ?? "Error");
    const { message, ...more } = failure;
    const text = textOf(message);
    expect(toJson(TaskFailureSchema, { ...sent, stack: "" })).toEqual({
      type: "RangeError",
      ...more,
      ...(text && { message: text }),
    });
  });
});
