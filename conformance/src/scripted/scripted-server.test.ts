import { Code, createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";
import { CancellationReason, durationFromMs, ResultStatus, RunnerService, TaskService } from "@spanloom/protocol";
import { afterEach, beforeEach, expect, test } from "vitest";
import { newUuid } from "../match/evaluate.ts";
import { offerTask, taskVariable } from "./offered-task.ts";
import { ScriptedServer } from "./scripted-server.ts";
import { usualSettings } from "./server-settings.ts";

const ids = { uuid: newUuid, hex: (bytes: number) => "ab".repeat(bytes) };
const asking = { runnerId: "runner", maxTasks: 1, identifiers: [{ name: "conformance.steps" }] };

let server: ScriptedServer;

beforeEach(async () => {
  server = new ScriptedServer(usualSettings);
  await server.start();
});

afterEach(() => server[Symbol.asyncDispose]());

const tasksOf = () => createClient(TaskService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));

/** Offers a task and leases it. */
async function leased(offer = {}) {
  const offered = offerTask({ steps: [], ...offer }, ids);
  server.desk.offer(offered);
  const { tasks } = await tasksOf().leaseTasks(asking);
  return { offered, task: tasks[0]! };
}

/** A result of a task that succeeded. */
function successOf({ taskId, attempt, leaseToken }: { taskId: string; attempt: number; leaseToken: Uint8Array }) {
  return { taskId, attempt, leaseToken, outcome: { case: "success" as const, value: {} } };
}

test("runners of every protocol are served on one port", async () => {
  const options = { baseUrl: server.url };
  const transports = [
    createConnectTransport({ ...options, httpVersion: "1.1" }),
    createConnectTransport({ ...options, httpVersion: "2", useBinaryFormat: false }),
    createGrpcTransport(options),
    createGrpcWebTransport({ ...options, httpVersion: "1.1" }),
  ];
  for (const transport of transports) {
    const registered = await createClient(RunnerService, transport).registerRunner({ runner: { id: newUuid() } });
    expect(registered.maxOutputBytes).toBe(262_144n);
  }
  expect(server.record.registrations).toHaveLength(4);
});

test("a call is given as many tasks as it asks for, and each lease once", async () => {
  for (let at = 0; at < 3; at++) server.desk.offer(offerTask({ steps: [] }, ids));
  const client = tasksOf();
  const first = await client.leaseTasks({ ...asking, maxTasks: 2 });
  const second = await client.leaseTasks({ ...asking, maxTasks: 2 });
  const third = await client.leaseTasks({ ...asking, maxTasks: 2 });
  expect([first, second, third].map(({ tasks }) => tasks.length)).toEqual([2, 1, 0]);
});

test("a call that waits is answered when a task is offered", async () => {
  const answer = tasksOf().leaseTasks({ ...asking, wait: durationFromMs(20_000) });
  await expect.poll(() => server.desk.sleeping).toBe(1);
  const offered = offerTask({ steps: [] }, ids);
  server.desk.offer(offered);
  expect((await answer).tasks.map(({ taskId }) => taskId)).toEqual([offered.task.taskId]);
});

test("a result is stale without the token of its lease, and when the lease was taken away", async () => {
  const { offered, task } = await leased();
  const client = tasksOf();
  const wrong = { ...successOf(task), leaseToken: new Uint8Array(16) };
  expect((await client.leaseTasks({ results: [wrong] })).resultAcks[0]?.status).toBe(ResultStatus.STALE_LEASE);
  expect((await client.leaseTasks({ results: [successOf(task)] })).resultAcks[0]?.status).toBe(ResultStatus.OK);
  server.desk.lose(offered);
  expect((await client.leaseTasks({ results: [successOf(task)] })).resultAcks[0]?.status).toBe(
    ResultStatus.STALE_LEASE,
  );
  const answers = server.record.resultsOf(task.taskId).map(({ answer }) => answer);
  expect(answers).toEqual(["STALE_LEASE", "OK", "STALE_LEASE"]);
});

test("an answer that is to be lost never comes, and what it answers was recorded", async () => {
  const { offered, task } = await leased();
  offered.answers.push("LOST");
  await expect(tasksOf().leaseTasks({ results: [successOf(task)] })).rejects.toThrow();
  expect(server.record.resultsOf(task.taskId)).toMatchObject([{ answer: "LOST" }]);
});

test("heartbeats are told what is kept, lost and cancelled", async () => {
  const kept = await leased();
  const lost = await leased();
  server.desk.lose(lost.offered);
  server.desk.cancel(kept.offered, CancellationReason.JOB_FAILED, "heartbeat");
  const running = [kept, lost].map(({ task: { taskId, attempt, leaseToken } }) => ({ taskId, attempt, leaseToken }));
  const answer = await tasksOf().heartbeat({ running });
  expect(answer.extended).toMatchObject([{ taskId: kept.task.taskId }]);
  expect(answer.lost).toMatchObject([{ taskId: lost.task.taskId }]);
  expect(answer.cancelled).toMatchObject([{ taskId: kept.task.taskId, reason: CancellationReason.JOB_FAILED }]);
});

test("a server that is away closes each connection and counts it, and one that refuses says UNAVAILABLE", async () => {
  server.setAway(true);
  await expect(tasksOf().leaseTasks(asking)).rejects.toThrow();
  expect(server.refusedConnections).toBeGreaterThan(0);
  server.setAway(false);
  server.desk.setRefusing(true);
  await expect(tasksOf().leaseTasks(asking)).rejects.toMatchObject({ code: Code.Unavailable });
  server.desk.setRefusing(false);
  expect((await tasksOf().leaseTasks(asking)).tasks).toEqual([]);
});

test("a server that knows nobody refuses registrations for good", async () => {
  await using strict = new ScriptedServer({ ...usualSettings, knowsNobody: true });
  await strict.start();
  const client = createClient(RunnerService, createConnectTransport({ baseUrl: strict.url, httpVersion: "1.1" }));
  await expect(client.registerRunner({})).rejects.toMatchObject({ code: Code.Unauthenticated });
});

test("outputs are paged for who holds the lease", async () => {
  const page = (output: number) => [{ task_id: newUuid(), name: "n", state: "TASK_STATE_SUCCEEDED", output }];
  const { task } = await leased({ pages: [page(1), page(2)] });
  const { taskId, attempt, leaseToken } = task;
  const first = await tasksOf().listDependencyOutputs({ taskId, attempt, leaseToken });
  const second = await tasksOf().listDependencyOutputs({ taskId, attempt, leaseToken, pageToken: first.nextPageToken });
  expect([first, second].map(({ dependencies }) => Buffer.from(dependencies[0]!.output).toString())).toEqual([
    "1",
    "2",
  ]);
  expect(second.nextPageToken).toBe("");
  await expect(tasksOf().listDependencyOutputs({ taskId, attempt })).rejects.toMatchObject({ code: Code.Aborted });
});

test("answers may have fields that nobody knows", async () => {
  await using later = new ScriptedServer({ ...usualSettings, unknownFields: true });
  await later.start();
  const client = createClient(TaskService, createConnectTransport({ baseUrl: later.url, httpVersion: "1.1" }));
  expect((await client.leaseTasks(asking)).$unknown).toHaveLength(3);
});

test("another lease of a task is its next attempt, in the same trace", () => {
  const first = offerTask({ steps: [] }, ids);
  const second = offerTask({ again: taskVariable(first), steps: [] }, ids);
  expect(second.task).toMatchObject({ taskId: first.task.taskId, jobId: first.task.jobId, attempt: 2 });
  expect(second.traceId).toBe(first.traceId);
});
