import { create, toBinary } from "@bufbuild/protobuf";
import type { TaskFacts } from "@spanloom/exporter";
import { ClosedSpanPurpose, ClosedSpansSchema, ClosedSpanTaskSchema, hexToBytes, spanIdOf } from "@spanloom/protocol";
import { type ExportTraceServiceRequest, ExportTraceServiceRequestSchema } from "@spanloom/protocol/otlp";
import { expect, it } from "vitest";
import { type AskingFields, ClosedSpanInbox } from "./closed-span-inbox.ts";
import { RunnerStats } from "./metrics/runner-stats.ts";

const { EXPORT, NOTIFY } = ClosedSpanPurpose;

function batch(id: bigint, purpose: ClosedSpanPurpose, name: string) {
  const request = create(ExportTraceServiceRequestSchema, { resourceSpans: [{ scopeSpans: [{ spans: [{ name }] }] }] });
  return create(ClosedSpansSchema, { id, purpose, traces: toBinary(ExportTraceServiceRequestSchema, request) });
}

const nameOf = ({ resourceSpans }: ExportTraceServiceRequest) => resourceSpans[0]!.scopeSpans[0]!.spans[0]!.name;

/** A server that answers with the next of these, or fails. */
function server(...answers: (ReturnType<typeof batch>[] | Error)[]) {
  const asked: AskingFields[] = [];
  const call = async (asking: AskingFields) => {
    asked.push(asking);
    const answer = answers.shift() ?? [];
    if (answer instanceof Error) throw answer;
    return { closedSpans: answer };
  };
  return { asked, call };
}

it("asks for nothing when nobody is to be given anything", async () => {
  const inbox = new ClosedSpanInbox({ stats: new RunnerStats(), log: () => undefined });
  const { asked, call } = server();
  await inbox.ask(call);
  expect([inbox.active, asked]).toEqual([false, [{}]]);
});

it("gives each receiver what is for it", async () => {
  const [exported, notified]: string[][] = [[], []];
  const inbox = new ClosedSpanInbox({
    export: (spans) => void exported!.push(nameOf(spans)),
    notify: (spans) => void notified!.push(nameOf(spans)),
    stats: new RunnerStats(),
    log: () => undefined,
  });
  const { asked, call } = server([batch(1n, EXPORT, "a"), batch(2n, NOTIFY, "b")]);
  await inbox.ask(call);
  expect([exported, notified]).toEqual([["a"], ["b"]]);
  expect(asked[0]!.closedSpans).toMatchObject({ purposes: [EXPORT, NOTIFY], tasks: false });
});

it("asks for tasks when an exporter needs them, and gives exporters what came of them", async () => {
  const taskId = "01890000-0000-7000-8000-000000000007";
  const tasks: (TaskFacts | undefined)[] = [];
  const inbox = new ClosedSpanInbox({
    export: (_, find) => void tasks.push(find?.(spanIdOf(taskId))),
    wantsTasks: true,
    stats: new RunnerStats(),
    log: () => undefined,
  });
  const [traceId, dependency] = [new Uint8Array(16).fill(1), new Uint8Array(8).fill(2)];
  const told = create(ClosedSpanTaskSchema, {
    traceId,
    spanId: hexToBytes(spanIdOf(taskId)),
    parentSpanId: new Uint8Array(8).fill(3),
    lastAttempt: 2,
    dependencySpanIds: [dependency],
  });
  const { asked, call } = server([batch(1n, EXPORT, "a"), { ...batch(2n, EXPORT, "b"), tasks: [told] }]);
  await inbox.ask(call);
  expect(asked[0]!.closedSpans!.tasks).toBe(true);
  expect(tasks).toMatchObject([
    undefined,
    { parentSpanId: "03".repeat(8), lastAttempt: 2, links: [{ traceId, spanId: dependency }] },
  ]);
});

it("says what came until a call was answered, and gives on once what comes again", async () => {
  const exported: string[] = [];
  const inbox = new ClosedSpanInbox({
    export: (spans) => void exported.push(nameOf(spans)),
    stats: new RunnerStats(),
    log: () => undefined,
  });
  const { asked, call } = server([batch(7n, EXPORT, "a")], new Error("lost"), [batch(7n, EXPORT, "a")], [], []);
  await inbox.ask(call);
  await expect(inbox.ask(call)).rejects.toThrow("lost");
  for (let i = 0; i < 3; i++) await inbox.ask(call);
  expect(asked.map(({ closedSpans }) => closedSpans!.received)).toEqual([[], [7n], [7n], [7n], []]);
  expect(exported).toEqual(["a"]);
});

it("gives the answer although a receiver throws or a batch is damaged", async () => {
  const lines: string[] = [];
  const stats = new RunnerStats();
  const inbox = new ClosedSpanInbox({
    stats,
    export: () => {
      throw new Error("full");
    },
    log: (line) => void lines.push(line),
  });
  const damaged = create(ClosedSpansSchema, { id: 2n, purpose: EXPORT, traces: Uint8Array.of(0xff) });
  const { call } = server([batch(1n, EXPORT, "a"), damaged]);
  expect((await inbox.ask(call)).closedSpans.length).toBe(2);
  expect([lines.length, stats.lostClosedSpans]).toEqual([2, 2]);
  expect(lines[0]).toContain("full");
});
