import { type Exporter, exported, registerExporter, type TelemetryBatch } from "@spanloom/exporter";
import { expect, it } from "vitest";
import { Forwarder } from "./forwarder.ts";

class FakeExporter implements Exporter {
  readonly name = "fake";
  readonly destination: string;
  readonly batches: TelemetryBatch[] = [];
  shutdowns = 0;

  constructor(destination: string) {
    this.destination = destination;
  }

  async export(batch: TelemetryBatch): Promise<typeof exported> {
    this.batches.push(batch);
    return exported;
  }

  async shutdown(): Promise<void> {
    this.shutdowns++;
  }
}

const make = (exporters: Exporter[], tracing = true) => new Forwarder({ exporters, tracing, log: () => undefined });

it("forwards to exporters registered before it was made, each runner to its own", async () => {
  const made: FakeExporter[] = [];
  const register = (destination: string) =>
    registerExporter(() => {
      const exporter = new FakeExporter(destination);
      made.push(exporter);
      return exporter;
    });
  const end = register("one");
  made.length = 0;
  const [first, second] = [make([]), make([])];
  expect({ active: first.active, made: made.length }).toEqual({ active: true, made: 2 });
  await first.shutdown(1_000);
  expect(made.map(({ shutdowns }) => shutdowns)).toEqual([1, 0]);
  end();
  const later = make([]);
  expect(later.active).toBe(false);
  await second.shutdown(1_000);
  expect(made.map(({ shutdowns }) => shutdowns)).toEqual([1, 1]);
});

it("forwards to the runner's own exporters beside the registered ones", async () => {
  const registered = new FakeExporter("registered");
  const end = registerExporter(() => registered);
  const own = new FakeExporter("own");
  const forwarder = make([own]);
  end();
  await forwarder.shutdown(1_000);
  expect([own.shutdowns, registered.shutdowns]).toEqual([1, 2]);
});

it("forwards nothing where nothing is traced, and shuts the runner's own exporters down all the same", async () => {
  const [registered, own] = [new FakeExporter("registered"), new FakeExporter("own")];
  const end = registerExporter(() => registered);
  const forwarder = make([own], false);
  end();
  expect(forwarder.active).toBe(false);
  await forwarder.shutdown(1_000);
  expect([own.shutdowns, registered.shutdowns]).toEqual([1, 1]);
});
