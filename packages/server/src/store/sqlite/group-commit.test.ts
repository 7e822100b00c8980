import { SpanloomError } from "@spanloom/protocol";
import { expect, test } from "vitest";
import type { SelfTracer } from "../../self-tracing/self-tracer.ts";
import { idOf, linkedIds, recordingTracer } from "../../self-tracing/testing/recording-tracer.ts";
import { type Brings, GroupCommit } from "./group-commit.ts";

/** A transaction over a list: what is committed stays, what is rolled back goes. */
function listTransaction(tracer?: SelfTracer) {
  const log: string[] = [];
  const committed: string[] = [];
  let open: string[] = [];
  const joins: (() => void)[] = [];
  const commits = new GroupCommit(
    {
      begin: () => void log.push("begin"),
      betweenRounds: () => joins.shift()?.(),
      commit: () => {
        log.push("commit");
        committed.push(...open);
        open = [];
      },
      changed: () => ({ "db.system.name": "list" }),
      announce: () => void log.push("announce"),
      rollback: () => {
        log.push("rollback");
        open = [];
      },
    },
    undefined,
    tracer,
  );
  const write = (value: string, brings?: Brings) => commits.enqueue(() => open.push(value), brings);
  return { log, committed, commits, joins, write };
}

test("operations of one turn share a transaction (I1)", async () => {
  const { log, committed, write } = listTransaction();
  await Promise.all([write("a"), write("b")]);
  expect(log).toEqual(["begin", "commit", "announce"]);
  expect(committed).toEqual(["a", "b"]);
});

test("operations asked for between rounds join the open transaction (I1)", async () => {
  const { log, committed, joins, write } = listTransaction();
  let joined: Promise<number> | undefined;
  joins.push(() => {
    joined = write("joined");
  });
  await write("first");
  await joined;
  expect(log).toEqual(["begin", "commit", "announce"]);
  expect(committed).toEqual(["first", "joined"]);
});

test("a defect in one operation rejects that one alone (I3)", async () => {
  const { log, committed, commits, write } = listTransaction();
  const defect = () => {
    throw new TypeError("defect");
  };
  const results = await Promise.allSettled([write("a"), commits.enqueue(defect), write("b")]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(results[1]).toMatchObject({ reason: { reason: "INTERNAL" } });
  expect(committed).toEqual(["a", "b"]);
  expect(log.filter((entry) => entry === "rollback")).toHaveLength(2);
});

test("what brings work runs before what takes it, and those who take are answered first (I4)", async () => {
  const { committed, write } = listTransaction();
  const answered: string[] = [];
  const ask = async (value: string, brings?: Brings) => {
    await write(value, brings);
    answered.push(value);
  };
  await Promise.all([ask("poll"), ask("report", "results"), ask("submit", "work"), ask("other report", "results")]);
  expect(committed).toEqual(["submit", "report", "other report", "poll"]);
  expect(answered).toEqual(["poll", "other report", "report", "submit"]);
});

test("a refusal rejects its operation alone, without a rollback (I5)", async () => {
  const { log, committed, commits, write } = listTransaction();
  const refuse = () => {
    throw new SpanloomError("JOB_NOT_FOUND", "cannot find job: there is none");
  };
  const results = await Promise.allSettled([write("a"), commits.enqueue(refuse)]);
  expect(results[1]).toMatchObject({ reason: { reason: "JOB_NOT_FOUND" } });
  expect(committed).toEqual(["a"]);
  expect(log).not.toContain("rollback");
});

test("trouble with the machine rejects all operations and repeats none (I2)", async () => {
  const { log, committed, commits, write } = listTransaction();
  const full = () => {
    throw Object.assign(new Error("database or disk is full"), { errcode: 13 });
  };
  const results = await Promise.allSettled([write("a"), commits.enqueue(full)]);
  for (const result of results) expect(result).toMatchObject({ reason: { reason: "OVERLOADED" } });
  expect(committed).toEqual([]);
  expect(log.filter((entry) => entry === "begin")).toHaveLength(1);
});

test("closing finishes what was accepted and refuses the rest", async () => {
  const { committed, commits, write } = listTransaction();
  const last = write("last");
  const closed = commits.close();
  await expect(write("late")).rejects.toMatchObject({ reason: "SHUTTING_DOWN" });
  await closed;
  await last;
  expect(committed).toEqual(["last"]);
});

test("a commit is traced as a part of whoever asked first, with links to the others who joined", async () => {
  const { tracer, named } = recordingTracer();
  const { joins, write } = listTransaction(tracer);
  const [a, b] = [tracer.call("a", {}, {}), tracer.call("b", {}, {})];
  joins.push(() => void tracer.run(b, () => write("joined")));
  await tracer.run(a, () => write("first"));
  a.end();
  b.end();
  const [commit] = named("store.commit");
  expect(commit?.parentSpanContext?.spanId).toBe(idOf(named("a")[0]!));
  expect(linkedIds(commit!)).toEqual([idOf(named("b")[0]!)]);
  expect(commit?.attributes).toEqual({ "db.operation.batch.size": 2, "db.system.name": "list" });
});

test("a commit that is undone is traced with why, and so is each operation that runs again", async () => {
  const { tracer, named } = recordingTracer();
  const { commits, write } = listTransaction(tracer);
  const defect = () => {
    throw new TypeError("defect");
  };
  await Promise.allSettled([write("a"), commits.enqueue(defect)]);
  const outcomes = named("store.commit").map(({ status, events }) => [status.message, events[0]?.name]);
  expect(outcomes).toEqual([
    ["defect", "exception"],
    [undefined, undefined],
    ["defect", "exception"],
  ]);
});
