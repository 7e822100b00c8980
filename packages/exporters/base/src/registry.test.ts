import { expect, it, vi } from "vitest";
import { exported } from "./export-result.ts";
import type { Exporter } from "./exporter.ts";
import { registerExporter, registeredExporters } from "./registry.ts";

function exporterTo(destination: string, name = "fake"): Exporter {
  return { name, destination, export: async () => exported, shutdown: async () => undefined };
}

const registered = () => registeredExporters().map(({ name, destination }) => `${name} ${destination}`);

it("gives one of each name and destination, and none that was unregistered", () => {
  const ends = [
    registerExporter(() => exporterTo("a")),
    registerExporter(() => exporterTo("b")),
    registerExporter(() => exporterTo("a")),
    registerExporter(() => exporterTo("a", "other")),
  ];
  expect(registered()).toEqual(["fake a", "fake b", "other a"]);
  ends[0]!();
  expect(registered()).toEqual(["fake a", "fake b", "other a"]);
  for (const end of ends) end();
  expect(registered()).toEqual([]);
});

it("shares one registry between copies of the package", async () => {
  vi.resetModules();
  const copy = await import("./registry.ts");
  expect(copy.registerExporter).not.toBe(registerExporter);
  const end = copy.registerExporter(() => exporterTo("copy"));
  expect(registered()).toEqual(["fake copy"]);
  end();
  expect(registered()).toEqual([]);
});

it("refuses at once what cannot be made", () => {
  const refuse = () => {
    throw new Error("no key");
  };
  expect(() => registerExporter(refuse)).toThrow("no key");
  expect(registered()).toEqual([]);
});
