import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { loadExporters } from "./load-exporters.ts";

const otlp = join(import.meta.dirname, "../../../exporters/otlp");

describe("loadExporters", () => {
  it("loads a package beside the working directory, configured by its own variables", async () => {
    using dir = tempDir();
    mkdirSync(join(dir.path, "node_modules/@spanloom"), { recursive: true });
    symlinkSync(otlp, join(dir.path, "node_modules/@spanloom/exporter-otlp"));
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: "http://127.0.0.1:4999" };
    const [loaded] = await loadExporters([{ name: "otlp", use: "otlp" }], { env, folder: dir.path });
    expect(loaded?.name).toBe("otlp");
    expect(loaded?.exporter.destination).toContain("127.0.0.1:4999");
    await loaded?.exporter.shutdown();
  });

  it("loads a module by its path", async () => {
    using dir = tempDir();
    const source = "export const exporterFromEnv = (env) => ({ name: env.NAME });\n";
    writeFileSync(join(dir.path, "own.mjs"), source);
    const [loaded] = await loadExporters([{ name: "own", use: "./own.mjs" }], {
      env: { NAME: "mine" },
      folder: dir.path,
    });
    expect(loaded?.exporter.name).toBe("mine");
  });

  it("says what to install, and refuses a module that makes no exporter", async () => {
    using dir = tempDir();
    writeFileSync(join(dir.path, "empty.mjs"), "export const nothing = 1;\n");
    const load = (name: string) => loadExporters([{ name, use: name }], { env: {}, folder: dir.path });
    await expect(load("absent")).rejects.toThrow(
      'cannot use exporter "absent": it is not installed; run npm install @spanloom/exporter-absent',
    );
    await expect(load("./empty.mjs")).rejects.toThrow(
      'cannot use exporter "./empty.mjs": it has no function exporterFromEnv',
    );
  });
});
