import { IdGenerator } from "@spanloom/protocol";
import { expect, it } from "vitest";
import { LeaseLedger } from "./lease-ledger.ts";

const ids = new IdGenerator();
const lease = (attempt: number) => ({ taskId: ids.next(), attempt, leaseToken: new Uint8Array(16).fill(attempt) });

it("shows another thread what is held, and only that", () => {
  const ledger = new LeaseLedger(3);
  const view = new LeaseLedger(ledger.memory);
  const owners = [{}, {}, {}] as const;
  const leases = [lease(1), lease(2), lease(3)] as const;
  for (const i of [0, 1, 2] as const) ledger.hold(owners[i], leases[i]);
  expect(view.read()).toEqual(leases);
  ledger.release(owners[1]);
  ledger.release(owners[1]);
  expect(view.read()).toEqual([leases[0], leases[2]]);
  const again = lease(7);
  ledger.hold({}, again);
  expect(view.read()).toEqual([leases[0], again, leases[2]]);
  ledger.tick();
  expect(view.ticks).toBe(1);
});

it("leaves out what it has no room for", () => {
  const ledger = new LeaseLedger(1);
  const first = lease(1);
  ledger.hold({}, { ...first, leaseToken: new Uint8Array(65) });
  ledger.hold({}, { ...first, taskId: "short" });
  ledger.hold({}, first);
  const left = {};
  ledger.hold(left, lease(2));
  ledger.release(left);
  expect(ledger.read()).toEqual([first]);
});
