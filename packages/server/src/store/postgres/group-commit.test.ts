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
  let hopes = 0;
  let isHopeful = false;
  const commits = new GroupCommit<Set<string>, Log>(
    {
      begin: async () => {
        isHopeful = hopes-- > 0;
        log.push(isHopeful ? "hope" : "begin");
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
      mayRunAgain: () => isHopeful,
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
  /** The next transactions are to blame themselves when they fail. */
  const hope = (transactions: number) => {
    hopes = transactions;
  };
  return { log, committed, commits, joins, write, enqueue, whenBegun, hope };
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

test("what failed because of the transaction runs together once more (I3)", async () => {
  const { log, committed, enqueue, write, hope } = listTransaction();
  hope(1);
  let tries = 0;
  const flaky = enqueue("flaky", (context) => {
    if (tries++ === 0) throw new TypeError("hoped in vain");
    context.push("flaky");
  });
  expect(await Promise.all([write("a"), flaky, write("b")])).toEqual(["a done", "flaky done", "b done"]);
  expect(log).toEqual(["hope", "prefetch flaky a b", "rollback", "begin", "prefetch flaky a b", "commit", "announce"]);
  expect(committed).toEqual(["flaky", "a", "b"]);
});

test("what was refused in vain is asked for again (I4)", async () => {
  const { commits, enqueue, hope } = listTransaction();
  hope(1);
  let tries = 0;
  const refusing = enqueue("x", () => {
    if (tries++ === 0) throw new SpanloomError("JOB_NOT_FOUND", "cannot find job: memory was old");
  });
  const failing = enqueue("y", () => {
    if (tries === 1) throw new TypeError("hoped in vain");
  });
  expect(await Promise.all([refusing, failing])).toEqual(["x done", "y done"]);
  await commits.close();
});

test("an operation that runs by itself after a defect is not the victim of a vain hope (I3)", async () => {
  const { log, enqueue, write, hope } = listTransaction();
  hope(1);
  const defect = enqueue("x", () => {
    throw new TypeError("defect");
  });
  let tries = 0;
  const flaky = enqueue("flaky", () => {
    if (++tries === 1) hope(1);
    else if (tries === 2) throw new TypeError("hoped in vain");
  });
  const results = await Promise.allSettled([defect, write("a"), flaky]);
  expect(results.map(({ status }) => status)).toEqual(["rejected", "fulfilled", "fulfilled"]);
  expect(log.filter((entry) => entry === "hope").length).toBeGreaterThan(0);
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
