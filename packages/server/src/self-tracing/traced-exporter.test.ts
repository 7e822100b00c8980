import { type Exporter, exported, shapeTelemetry } from "@spanloom/exporter";
import { expect, it } from "vitest";
import type { SelfTracer } from "./self-tracer.ts";
import { tracedExporter } from "./traced-exporter.ts";

it("has the shape of what it traces, which may ask for tasks", () => {
  const exporter: Exporter = {
    name: "recording",
    shape: shapeTelemetry({ lifecycle: "attempts" }),
    export: async () => exported,
    shutdown: async () => undefined,
  };
  const traced = tracedExporter({ name: "own", exporter }, {} as SelfTracer);
  expect(traced.exporter.shape).toBe(exporter.shape);
});
