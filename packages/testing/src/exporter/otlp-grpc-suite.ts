import { create, toBinary } from "@bufbuild/protobuf";
import { BinaryWriter } from "@bufbuild/protobuf/wire";
import { DurationSchema } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError } from "@connectrpc/connect";
import type { Exporter } from "@spanloom/exporter";
import { describe, expect, it } from "vitest";
import { type ExporterSubject, sampleLogs, sampleTraces, testExporter } from "./exporter-suite.ts";
import { OtlpGrpcPeer } from "./otlp-grpc-peer.ts";

/** An exporter that sends OTLP over gRPC, under test. */
export interface OtlpGrpcSetup {
  /** Makes one that sends to a URL. */
  make(url: string, options: { readonly timeoutMs?: number }): Exporter;
  /** Headers that each call must have, by lower-case name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Whether it sends log records. */
  readonly logs: boolean;
  /** Texts that no message may hold, e.g. the API key. */
  readonly secrets: readonly string[];
}

interface Subject extends AsyncDisposable {
  readonly peer: OtlpGrpcPeer;
  readonly exporter: Exporter;
}

async function setUp(setup: OtlpGrpcSetup, options: { timeoutMs?: number } = {}): Promise<Subject> {
  const peer = await new OtlpGrpcPeer().start();
  const exporter = setup.make(peer.url, options);
  return {
    peer,
    exporter,
    async [Symbol.asyncDispose]() {
      await exporter.shutdown();
      await peer[Symbol.asyncDispose]();
    },
  };
}

/** The contract of exporters that send OTLP over gRPC, against a real peer; it includes that of every exporter. */
export function testOtlpGrpcExporter(name: string, setup: OtlpGrpcSetup): void {
  testExporter(`${name} over gRPC`, () => subjectOf(setup));
  describe(`${name} speaks OTLP over gRPC`, () => {
    testCalls(setup);
    testCodes(setup);
    testOutages(setup);
  });
}

async function subjectOf(setup: OtlpGrpcSetup): Promise<ExporterSubject> {
  const subject = await setUp(setup);
  return {
    exporter: subject.exporter,
    spanNames: () => subject.peer.spanNames,
    logBodies: () => (setup.logs ? subject.peer.logBodies : undefined),
    hang: () => {
      subject.peer.hanging = true;
    },
    [Symbol.asyncDispose]: () => subject[Symbol.asyncDispose](),
  };
}

const both = () => ({ ...sampleTraces("a", "b"), ...sampleLogs("l") });

function testCalls(setup: OtlpGrpcSetup): void {
  it("calls the service of each signal that its backend takes, with the headers that it wants", async () => {
    await using subject = await setUp(setup);
    expect(await subject.exporter.export(both())).toEqual({ outcome: "exported" });
    expect(subject.peer).toMatchObject({ spanNames: ["a", "b"], logBodies: setup.logs ? ["l"] : [] });
    expect(subject.peer.headers).toHaveLength(setup.logs ? 2 : 1);
    for (const headers of subject.peer.headers) expect(Object.fromEntries(headers)).toMatchObject(setup.headers);
  });

  it("counts what its backend refused of a call it took", async () => {
    await using subject = await setUp(setup);
    subject.peer.rejectedSpans = 1n;
    const rejected = { spans: 1, logRecords: 0, message: "some" };
    expect(await subject.exporter.export(sampleTraces("a", "b"))).toEqual({ outcome: "exported", rejected });
  });

  it("halves what its backend says is too large", async () => {
    await using subject = await setUp(setup);
    const tooLarge = "grpc: received message larger than max (5000000 vs. 4194304)";
    subject.peer.errors.push(new ConnectError(tooLarge, Code.ResourceExhausted));
    expect(await subject.exporter.export(sampleTraces("a", "b", "c"))).toEqual({ outcome: "exported" });
    expect(subject.peer).toMatchObject({ spanNames: ["a", "b", "c"], headers: { length: 3 } });
  });
}

/** A `google.rpc.RetryInfo` of whole seconds. */
function retryInfo(seconds: bigint): Uint8Array<ArrayBuffer> {
  const duration = toBinary(DurationSchema, create(DurationSchema, { seconds }));
  return new BinaryWriter().tag(1, 2).bytes(duration).finish();
}

function testCodes(setup: OtlpGrpcSetup): void {
  it.each([
    ["Unavailable", undefined, { outcome: "retry" }],
    ["Unavailable", 3n, { outcome: "retry", retryAfterMs: 3_000 }],
    ["Aborted", undefined, { outcome: "retry" }],
    ["OutOfRange", undefined, { outcome: "retry" }],
    ["DataLoss", undefined, { outcome: "retry" }],
    ["ResourceExhausted", undefined, { outcome: "failed" }],
    ["ResourceExhausted", 2n, { outcome: "retry", retryAfterMs: 2_000 }],
    ["InvalidArgument", undefined, { outcome: "failed" }],
    ["Unauthenticated", undefined, { outcome: "failed" }],
    ["PermissionDenied", undefined, { outcome: "failed" }],
    ["Unimplemented", undefined, { outcome: "failed" }],
    ["Internal", undefined, { outcome: "failed" }],
  ] as const)(
    "takes %s with a delay of %s for %o, calls once, and tells no secret",
    async (code, seconds, expected) => {
      await using subject = await setUp(setup);
      const error = new ConnectError("no", Code[code]);
      if (seconds !== undefined) error.details.push({ type: "google.rpc.RetryInfo", value: retryInfo(seconds) });
      subject.peer.errors.push(error);
      const result = await subject.exporter.export(sampleTraces("a"));
      expect(result).toEqual({ ...expected, message: expect.stringContaining(`${code} no`) });
      expect(subject.peer.headers).toHaveLength(1);
      for (const secret of setup.secrets) expect(JSON.stringify(result)).not.toContain(secret);
    },
  );
}

function testOutages(setup: OtlpGrpcSetup): void {
  it("asks to try again when no answer comes in time, a call is cut off, or nobody listens", async () => {
    await using subject = await setUp(setup, { timeoutMs: 5_000 });
    const retry = { outcome: "retry", message: expect.stringContaining(`cannot export to ${subject.peer.url}`) };
    subject.peer.cutOff = true;
    expect(await subject.exporter.export(sampleTraces("a"))).toEqual(retry);
    subject.peer.cutOff = false;
    expect(await subject.exporter.export(sampleTraces("b"))).toEqual({ outcome: "exported" });
    await subject.peer[Symbol.asyncDispose]();
    expect(await subject.exporter.export(sampleTraces("c"))).toEqual(retry);
    await using slow = await setUp(setup, { timeoutMs: 50 });
    slow.peer.hanging = true;
    expect(await slow.exporter.export(sampleTraces("d"))).toMatchObject({ outcome: "retry" });
  });

  it("sends only the log records again when only they have to be", async () => {
    if (!setup.logs) return;
    await using subject = await setUp(setup);
    const batch = both();
    subject.peer.logErrors.push(new ConnectError("away", Code.Unavailable));
    expect(await subject.exporter.export(batch)).toMatchObject({ outcome: "retry" });
    expect(await subject.exporter.export(batch)).toEqual({ outcome: "exported" });
    expect(subject.peer).toMatchObject({ spanNames: ["a", "b"], logBodies: ["l"], headers: { length: 3 } });
  });
}
