import { setImmediate as nextTurn } from "node:timers/promises";
import { SpanloomError } from "@spanloom/protocol";
import { tempDir } from "@spanloom/testing";
import * as fc from "fast-check";
import { expect, it } from "vitest";
import { systemClock } from "../../clock.ts";
import type { InsertBatch, SpanStore } from "../columnar/span-store.ts";
import { Spool } from "../spool/spool.ts";
import { nodeSpoolFileSystem, type SpoolFileSystem } from "../spool/spool-file.ts";
import { TelemetryCounts } from "../telemetry-counts.ts";
import { Drainer } from "./drainer.ts";
import { logPayload, logRecord, rowsOf } from "./otlp-fixture.ts";
import { DecoderHere } from "./testing/decoder-here.ts";
import { seed } from "./testing/otlp-arbitraries.ts";

/** What happens at one of the places where something may go wrong, in turn. */
class Luck {
  readonly #fails: readonly boolean[];
  #at = 0;
  isOver = false;
  constructor(fails: readonly boolean[]) {
    this.#fails = fails;
  }
  next(): boolean {
    return !this.isOver && (this.#fails[this.#at++ % this.#fails.length] ?? false);
  }
}

/** Keeps rows by their ids, and fails now and then: before it took a batch, or after. */
class MemoryStore implements Pick<SpanStore, "insert" | "retentionDays"> {
  readonly retentionDays = 100_000;
  readonly bodyById = new Map<bigint, unknown>();
  /** Ids that named two records. */
  readonly clashes: bigint[] = [];
  readonly #luck: Luck;
  constructor(luck: Luck) {
    this.#luck = luck;
  }
  async insert({ ipc }: InsertBatch): Promise<void> {
    await nextTurn();
    if (this.#luck.next()) throw new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot insert: away");
    for (const { ingest_id: id, body } of rowsOf([...ipc])) {
      // Told at the end: what is thrown here is taken for a store that is away.
      if ((this.bodyById.get(id as bigint) ?? body) !== body) this.clashes.push(id as bigint);
      this.bodyById.set(id as bigint, body);
    }
    if (this.#luck.next()) throw new SpanloomError("TELEMETRY_UNAVAILABLE", "cannot insert: the answer was lost");
  }
}

function failingDisk(luck: Luck): SpoolFileSystem {
  return {
    ...nodeSpoolFileSystem,
    append: async (folder, name) => {
      const file = await nodeSpoolFileSystem.append(folder, name);
      const sync = async () => {
        if (luck.next()) throw Object.assign(new Error("no space left"), { code: "ENOSPC" });
        await file.sync();
      };
      return { ...file, sync };
    },
  };
}

/** Timers fire at once: what is tried again is tried again soon. */
const hastyClock = { ...systemClock, schedule: (callback: () => void) => systemClock.schedule(callback, 0) };

function payloadOf(body: string, number: number) {
  const record = logRecord(number, { body: { value: { case: "stringValue", value: body } } });
  return { signal: "logs" as const, bytes: logPayload([record]) };
}

/** Waits until all is stored. A barrier that meets a store that was away fails; once it is back one passes. */
async function drained(drainer: Drainer): Promise<void> {
  const isThrough = () =>
    drainer.barrier().then(
      () => true,
      () => false,
    );
  while (!(await isThrough())) await nextTurn();
}

const chance = fc.array(
  fc.integer({ min: 0, max: 5 }).map((n) => n === 0),
  { minLength: 1, maxLength: 40 },
);
const steps = fc.array(fc.constantFrom("take", "take", "take", "refuse", "die", "flush", "turn", "rest"), {
  maxLength: 60,
  size: "max",
});

it("has the records of all it acknowledged, each under one id, whatever fails when (P1)", async () => {
  await fc.assert(
    fc.asyncProperty(chance, chance, steps, fc.integer({ min: 1, max: 9 }), async (inserts, syncs, todo, fullRows) => {
      using dir = tempDir();
      const luck = { inserts: new Luck(inserts), syncs: new Luck(syncs) };
      const log = () => undefined;
      const fileSystem = failingDisk(luck.syncs);
      const spool = new Spool({ folder: dir.path, maxBytes: 2 ** 24, segmentBytes: 512, log, fileSystem });
      luck.syncs.isOver = true;
      await spool.open();
      luck.syncs.isOver = false;
      const store = new MemoryStore(luck.inserts);
      let decoder!: DecoderHere;
      const newThread = (how: ConstructorParameters<typeof DecoderHere>[0]) =>
        (decoder = new DecoderHere(how, fullRows));
      const spanStore = store as unknown as SpanStore;
      const drainer = new Drainer({
        spool,
        writer: 0n,
        spanStore,
        counts: new TelemetryCounts(),
        clock: hastyClock,
        log,
        newThread,
      });
      drainer.start();
      const acknowledged = new Set<string>();
      const calls: Promise<unknown>[] = [];
      for (const [i, step] of todo.entries()) {
        if (step === "take") {
          const bodies = [`a${i}`, `b${i}`];
          const payloads = bodies.map((body, n) => payloadOf(body, i * 2 + n));
          calls.push(
            drainer.accept(payloads).then(
              () => bodies.map((body) => acknowledged.add(body)),
              (error: SpanloomError) => expect(error.reason).toBe("OVERLOADED"),
            ),
          );
        } else if (step === "refuse") {
          const refused = drainer.accept([{ signal: "logs", bytes: Uint8Array.of(0x0a, 0x7f) }]);
          calls.push(
            refused.catch((error: SpanloomError) => expect(["INVALID_FIELD", "OVERLOADED"]).toContain(error.reason)),
          );
        } else if (step === "die") decoder.die();
        else if (step === "flush") calls.push(drainer.barrier().catch(() => undefined));
        else if (step === "rest") await Promise.all(calls);
        else await nextTurn();
      }
      await Promise.all(calls);
      luck.inserts.isOver = luck.syncs.isOver = true;
      await drained(drainer);
      await drainer.stop();
      await spool.close();
      expect(store.clashes).toEqual([]);
      const stored = new Set(store.bodyById.values());
      expect([...acknowledged].filter((body) => !stored.has(body))).toEqual([]);
      expect(spool.bytes).toBeLessThan(1024);
    }),
    { numRuns: 100, seed },
  );
});

it("reads back again what a thread had read back that died before the batch ended (I2)", async () => {
  using dir = tempDir();
  const reads: string[] = [];
  let decoder!: DecoderHere;
  const fileSystem: SpoolFileSystem = {
    ...nodeSpoolFileSystem,
    read: (folder, name) => {
      // The thread has rows of the first segment by then, and dies before it is asked for those of the second.
      if (reads.push(name) === 2) decoder.die();
      return nodeSpoolFileSystem.read(folder, name);
    },
  };
  const log = () => undefined;
  const spool = new Spool({ folder: dir.path, maxBytes: 2 ** 24, segmentBytes: 1, log, fileSystem });
  await spool.open();
  const away = new Luck([true]);
  const store = new MemoryStore(away);
  const drainer = new Drainer({
    spool,
    writer: 0n,
    spanStore: store as unknown as SpanStore,
    counts: new TelemetryCounts(),
    clock: hastyClock,
    log,
    newThread: (how) => (decoder = new DecoderHere(how)),
  });
  const bodies = ["first", "second", "third"];
  for (const [i, body] of bodies.entries()) await drainer.accept([payloadOf(body, i)]);
  await expect(drainer.barrier()).rejects.toMatchObject({ reason: "TELEMETRY_UNAVAILABLE" });
  away.isOver = true;
  await drained(drainer);
  await drainer.stop();
  await spool.close();
  expect(reads.length).toBeGreaterThan(2);
  expect([...store.bodyById.values()].sort()).toEqual([...bodies].sort());
});
