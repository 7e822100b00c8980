import { SpanloomError } from "@spanloom/protocol";
import { expect, test } from "vitest";
import type { SelfTracer } from "../../self-tracing/self-tracer.ts";
import { idOf, linkedIds, recordingTracer } from "../../self-tracing/testing/recording-tracer.ts";
import { GroupCommit } from "./group-commit.ts";

type Log = string[];

/** A transaction over a list: what is committed stays, what is rolled back goes. */
function listTransaction(tracer?: SelfTracer) {
  const log: Log = [];
  const committed: Log = [];
  let open: Log = [];
  const joins: (() => void)[] = [];
  let duringBegin: (() => void) | undefined;
  const commits = new GroupCommit<Set<string>, Log>(
    {
      begin: async () => {
        log.push("begin");
        await Promise.resolve();
        duringBegin?.();
        duringBegin = undefined;
        return open;
      },
      prefetch: async (operations) => {
        const needs = new Set<string>();
        for (const operation of operations) operation.needs(needs);
        log.push(`prefetch ${[...needs].join(" ")}`);
      },
      betweenRounds: async () => joins.shift()?.(),
      commit: async () => {
        log.push("commit");
        committed.push(...open);
        open.length = 0;
      },
      changed: () => ({ "db.system.name": "list" }),
      announce: () => void log.push("announce"),
      rollback: async () => {
        log.push("rollback");
        open = [];
      },
    },
    undefined,
    tracer,
  );
  const enqueue = (needed: string, run: (context: Log) => void) =>
    commits.enqueue<string>({
      needs: (needs) => void needs.add(needed),
      run: async (context) => {
        run(context);
        return () => `${needed} done`;
      },
    });
  const write = (value: string) => enqueue(value, (context) => context.push(value));
  const whenBegun = (act: () => void) => {
    duringBegin = act;
  };
  return { log, committed, commits, joins, write, enqueue, whenBegun };
}

test("operations of one turn share a transaction and read together (I1)", async () => {
  const { log, committed, write } = listTransaction();
  expect(await Promise.all([write("a"), write("b")])).toEqual(["a done", "b done"]);
  expect(log).toEqual(["begin", "prefetch a b", "commit", "announce"]);
  expect(committed).toEqual(["a", "b"]);
});

test("operations asked for while the transaction begins take part in it (I1)", async () => {
  const { log, write, whenBegun } = listTransaction();
  let late: Promise<string> | undefined;
  whenBegun(() => {
    late = write("late");
  });
  await write("first");
  expect(await late).toBe("late done");
  expect(log).toEqual(["begin", "prefetch first late", "commit", "announce"]);
});

test("operations asked for between rounds join the open transaction (I1)", async () => {
  const { log, committed, joins, write } = listTransaction();
  let joined: Promise<string> | undefined;
  joins.push(() => {
    joined = write("joined");
  });
  await write("first");
  await joined;
  expect(log).toEqual(["begin", "prefetch first", "prefetch joined", "commit", "announce"]);
  expect(committed).toEqual(["first", "joined"]);
});

test("operations that keep joining wait for the next transaction after four rounds", async () => {
  const { log, joins, write } = listTransaction();
  const all: Promise<string>[] = [];
  for (let i = 0; i < 6; i++) joins.push(() => all.push(write(`round ${i}`)));
  await write("first");
  await Promise.all(all);
  expect(log.filter((entry) => entry === "commit").length).toBeGreaterThan(1);
});

test("a defect in one operation rejects that one alone (I3)", async () => {
  const { log, committed, enqueue, write } = listTransaction();
  const defect = () => {
    throw new TypeError("defect");
  };
  const results = await Promise.allSettled([write("a"), enqueue("x", defect), write("b")]);
  expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
  expect(results[1]).toMatchObject({ reason: { reason: "INTERNAL" } });
  expect(committed).toEqual(["a", "b"]);
  expect(log.filter((entry) => entry === "rollback")).toHaveLength(2);
});

test("a refusal rejects its operation alone, without a rollback (I4)", async () => {
  const { log, committed, enqueue, write } = listTransaction();
  const refuse = () => {
    throw new SpanloomError("JOB_NOT_FOUND", "cannot find job: there is none");
  };
  const results = await Promise.allSettled([write("a"), enqueue("x", refuse)]);
  expect(results[1]).toMatchObject({ reason: { reason: "JOB_NOT_FOUND" } });
  expect(committed).toEqual(["a"]);
  expect(log).not.toContain("rollback");
});

test.each([
  ["53100", "OVERLOADED"],
  ["57P01", "STORE_UNAVAILABLE"],
  ["ECONNRESET", "STORE_UNAVAILABLE"],
  ["55P03", "STORE_UNAVAILABLE"],
  ["40001", "STORE_UNAVAILABLE"],
])("trouble with the machine, as %s, rejects all operations as %s and repeats none (I2)", async (code, reason) => {
  const { log, committed, enqueue, write } = listTransaction();
  const fail = () => {
    throw Object.assign(new Error("no"), { code });
  };
  const results = await Promise.allSettled([write("a"), enqueue("x", fail)]);
  for (const result of results) expect(result).toMatchObject({ reason: { reason } });
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
  const { write, whenBegun } = listTransaction(tracer);
  const [a, b] = [tracer.call("a", {}, {}), tracer.call("b", {}, {})];
  let joined: Promise<string> | undefined;
  whenBegun(() => {
    joined = tracer.run(b, () => write("joined"));
  });
  await tracer.run(a, () => write("first"));
  await joined;
  a.end();
  b.end();
  const [commit] = named("store.commit");
  expect(commit?.parentSpanContext?.spanId).toBe(idOf(named("a")[0]!));
  expect(linkedIds(commit!)).toEqual([idOf(named("b")[0]!)]);
  expect(commit?.attributes).toEqual({ "db.operation.batch.size": 2, "db.system.name": "list" });
});

test("a commit that is undone is traced with why, and so is each operation that runs again", async () => {
  const { tracer, named } = recordingTracer();
  const { enqueue, write } = listTransaction(tracer);
  const defect = () => {
    throw new TypeError("defect");
  };
  await Promise.allSettled([write("a"), enqueue("b", defect)]);
  const outcomes = named("store.commit").map(({ status, events }) => [status.message, events[0]?.name]);
  expect(outcomes).toEqual([
    ["defect", "exception"],
    [undefined, undefined],
    ["defect", "exception"],
  ]);
});
