import { waitFor } from "@spanloom/testing";
import { Int64, Table, tableToIPC, vectorFromArray } from "apache-arrow";
import { describe, expect, it } from "vitest";
import { ManualClock } from "../../rpc/testing/manual-clock.ts";
import { LATE_MS } from "../peer-barrier.ts";
import { ArrivalReader } from "./arrivals.ts";

const LATE_US = BigInt(LATE_MS * 1000);

/** A store that is asked for its time alone, and what happens in order. */
function reader(sure: () => boolean, accepted?: () => number) {
  const clock = new ManualClock();
  const happened: string[] = [];
  const arrivals = new ArrivalReader({
    store: {
      async *stream() {
        happened.push("clock");
        const now = vectorFromArray([BigInt(clock.nowUs())], new Int64());
        yield { ipc: tableToIPC(new Table({ now }), "stream"), rows: 1 };
      },
    },
    barrier: async () => {
      happened.push("barrier");
      return sure();
    },
    clock,
    ...(accepted && { accepted }),
  });
  const look = async () => {
    const looking = arrivals.horizon();
    if (!accepted) {
      await waitFor(() => clock.pending > 0);
      clock.advance(1_000);
    }
    return looking;
  };
  return { clock, happened, look, arrivals };
}

describe("the horizon of what came", () => {
  it("is the store's time, read a second before the barrier where others write, too", async () => {
    const { clock, happened, look } = reader(() => true);
    const nowUs = BigInt(clock.nowUs());
    expect(await look()).toEqual({ nowUs, readAtUs: Number(nowUs), untilUs: nowUs });
    expect(happened).toEqual(["clock", "barrier"]);
    expect(BigInt(clock.nowUs())).toBe(nowUs + 1_000_000n);
  });

  it("lies so far behind that nothing can come late, as long as not every server is sure of what it inserts", async () => {
    let sure = false;
    const { clock, look } = reader(() => sure);
    const nowUs = BigInt(clock.nowUs());
    expect(await look()).toMatchObject({ nowUs, untilUs: nowUs - LATE_US });
    sure = true;
    expect(await look()).toMatchObject({ nowUs: nowUs + 1_000_000n, untilUs: nowUs + 1_000_000n });
  });

  it("is asked for again only when something was accepted, where nobody else writes", async () => {
    let accepted = 0;
    const { happened, look } = reader(
      () => true,
      () => accepted,
    );
    expect(await look()).toEqual(await look());
    expect(happened).toEqual(["barrier", "clock", "barrier"]);
    accepted++;
    await look();
    expect(happened).toHaveLength(6);
  });
});
