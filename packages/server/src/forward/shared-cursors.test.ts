import { describe, expect, it } from "vitest";
import { ManualClock } from "../rpc/testing/manual-clock.ts";
import type { ExportCursors, KeptExporter } from "../store/store.ts";
import type { Cursor, HeldCursor } from "./held-cursor.ts";
import { SharedCursors } from "./shared-cursors.ts";

const cursor = (us: bigint): Cursor => ({ spans: { us, place: "ab" }, logs: { us, place: "" } });
const forever = new AbortController().signal;
const turn = () => new Promise(setImmediate);

/** The record that servers share, by a clock of its own. */
class Record implements ExportCursors {
  readonly rows = new Map<string, { token: number; cursor: string; expiresUs: number }>();
  readonly listeners = new Set<() => void>();
  isAway = false;
  calls = 0;
  readonly #clock: ManualClock;
  constructor(clock: ManualClock) {
    this.#clock = clock;
  }
  #call(): void {
    this.calls++;
    if (this.isAway) throw new Error("PostgreSQL is away");
  }
  async take(names: readonly string[], leaseMs: number) {
    this.#call();
    const nowUs = this.#clock.nowUs();
    const free = names.filter((name) => (this.rows.get(name)?.expiresUs ?? 0) <= nowUs);
    return free.map((name) => {
      const { token, cursor: at } = this.rows.get(name) ?? { token: 0, cursor: "" };
      this.rows.set(name, { token: token + 1, cursor: at, expiresUs: nowUs + leaseMs * 1000 });
      return { name, token: token + 1, cursor: at };
    });
  }
  async keep(exporters: readonly KeptExporter[], leaseMs: number) {
    if (exporters.length > 0) this.#call();
    const good = exporters.filter(({ name, token }) => this.rows.get(name)?.token === token);
    for (const { name, token, cursor: at } of good)
      this.rows.set(name, {
        token,
        cursor: at ?? this.rows.get(name)?.cursor ?? "",
        expiresUs: this.#clock.nowUs() + leaseMs * 1000,
      });
    return new Set(good.map(({ name }) => name));
  }
  async giveBack(exporter: KeptExporter) {
    if ((await this.keep([exporter], 0)).size > 0) for (const listener of this.listeners) listener();
  }
  onGivenBack(listener: () => void) {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
  forget = async () => undefined;
}

/** Two servers on one record, each with a clock of its own: one that is frozen does not see time pass. */
function twoServers() {
  const [time, ...clocks] = [new ManualClock(), new ManualClock(), new ManualClock()];
  const record = new Record(time);
  const logged: string[] = [];
  const servers = clocks.map((clock) => new SharedCursors({ store: record, clock, log: (line) => logged.push(line) }));
  const pass = async (ms: number, awake: readonly ManualClock[] = clocks) => {
    for (let passed = 0; passed < ms; passed += 1_000) {
      for (const clock of [time, ...awake]) clock.advance(1_000);
      for (let i = 0; i < 5; i++) await turn();
    }
  };
  return { record, clocks, first: servers[0]!, second: servers[1]!, pass, logged };
}

/** Who waits for a cursor, and what it got. */
function waitsFor(server: SharedCursors, signal = forever) {
  const waiter: { held: HeldCursor | undefined } = { held: undefined };
  void server.take("one", signal).then((held) => {
    waiter.held = held;
  });
  return waiter;
}

describe("SharedCursors", () => {
  it("let one server have an exporter for as long as it lives, and the other wait", async () => {
    const { first, second, pass } = twoServers();
    const held = await first.take("one", forever);
    expect([held?.cursor, held?.isHeld()]).toEqual([undefined, true]);
    const waiter = waitsFor(second);
    await pass(600_000);
    expect([held?.isHeld(), waiter.held]).toEqual([true, undefined]);
  });

  it("hand it over at once, with the cursor, when it is released", async () => {
    const { first, second, pass, logged } = twoServers();
    const held = await first.take("one", forever);
    const waiter = waitsFor(second);
    await pass(1_000);
    await held?.release(cursor(7n));
    for (let i = 0; i < 10; i++) await turn();
    expect([waiter.held?.cursor, waiter.held?.isHeld(), held?.isHeld()]).toEqual([cursor(7n), true, false]);
    await held?.save(cursor(1n));
    expect(logged).toEqual(Array(2).fill('exporter "one" is served by this server'));
  });

  it("let the other take over from one that is frozen, whose cursor then counts no more", async () => {
    const { record, first, second, pass, clocks } = twoServers();
    const held = await first.take("one", forever);
    await held?.save(cursor(7n));
    const waiter = waitsFor(second);
    await pass(20_000, [clocks[1]!]);
    expect(waiter.held?.cursor).toEqual(cursor(7n));
    await waiter.held?.save(cursor(9n));
    // It does not know that time has passed; what it writes has no effect, and tells it.
    expect(held?.isHeld()).toBe(true);
    await held?.save(cursor(8n));
    expect([held?.isHeld(), JSON.parse(record.rows.get("one")!.cursor).spans.us]).toEqual([false, "9"]);
    await held?.release(cursor(8n));
    expect([waiter.held?.isHeld(), JSON.parse(record.rows.get("one")!.cursor).spans.us]).toEqual([true, "9"]);
  });

  it("end here before another can have it while PostgreSQL is away, and go on when nobody had it", async () => {
    const { record, first, pass } = twoServers();
    const held = await first.take("one", forever);
    record.isAway = true;
    await pass(8_000);
    expect(held?.isHeld()).toBe(true);
    await pass(3_000);
    expect(held?.isHeld()).toBe(false);
    record.isAway = false;
    await pass(4_000);
    expect(held?.isHeld()).toBe(true);
  });

  it("leave one alone whose cursor is none, and say how to go on", async () => {
    const { record, first, second, pass, logged } = twoServers();
    record.rows.set("one", { token: 1, cursor: "{}", expiresUs: 0 });
    const waiters = [waitsFor(first), waitsFor(second)];
    await pass(9_000);
    expect(waiters).toEqual([{ held: undefined }, { held: undefined }]);
    expect(logged).toHaveLength(1);
    expect(logged[0]).toContain("remove it to begin at now: TypeError");
    record.rows.delete("one");
    await pass(12_000);
    expect(waiters.filter(({ held }) => held?.isHeld())).toHaveLength(1);
  });

  it("cost one statement every three seconds, and none for whoever has left", async () => {
    const { record, first, second, pass, clocks } = twoServers();
    const held = await first.take("one", forever);
    await pass(3_000);
    record.calls = 0;
    await pass(60_000);
    expect(record.calls).toBe(20);
    const leaving = new AbortController();
    const waiting = second.take("one", leaving.signal);
    await pass(3_000);
    leaving.abort();
    expect(await waiting).toBeUndefined();
    await held?.release(undefined);
    await pass(10_000);
    expect(clocks.map(({ pending }) => pending)).toEqual([0, 0]);
    expect(await second.take("one", leaving.signal)).toBeUndefined();
  });
});
