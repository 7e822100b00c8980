import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tempDir } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { fileFields, helpText, loadCommand } from "./config.ts";
import { loadExporters } from "./forward/load-exporters.ts";

const root = join(import.meta.dirname, "../../..");

/** Configuration that a file of this content gives. */
async function load(content: unknown, args: string[] = [], env: Record<string, string> = {}, name = "spanloom.json") {
  using dir = tempDir();
  writeFileSync(join(dir.path, name), typeof content === "string" ? content : JSON.stringify(content));
  const command = await loadCommand(["--config", name, ...args], env, dir.path);
  if (command.kind !== "run") throw new Error("no run");
  return command.config;
}

describe("a configuration file", () => {
  it("gives settings that the environment beats, and flags beat both", async () => {
    const file = { port: 1, host: "::1", retentionDays: 14, insecure: true, metricsTag: ["a=b", "c=d"] };
    const config = await load(file, ["--host", "::3"], { SPANLOOM_HOST: "::2", SPANLOOM_PORT: "2" });
    expect(config).toMatchObject({
      port: 2,
      host: "::3",
      retentionDays: 14,
      insecure: true,
      dataDir: "./.spanloom",
      metrics: { tags: { a: "b", c: "d" } },
    });
  });

  it("is named by a variable as well, and may be a module", async () => {
    using dir = tempDir();
    writeFileSync(join(dir.path, "own.mjs"), "export const config = { port: 6 + 1, corsOrigins: ['*'] };\n");
    const command = await loadCommand([], { SPANLOOM_CONFIG: "own.mjs" }, dir.path);
    expect(command).toMatchObject({ config: { port: 7, corsOrigins: ["*"] } });
  });

  it("has a name for every flag", () => {
    const flags = Array.from(helpText().matchAll(/^ {2}--([a-z-]+)/gm), ([, flag]) => flag!);
    const names = Object.keys(fileFields).map((name) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`));
    expect(names).toEqual(flags.filter((flag) => !["config", "exporter", "listen", "help", "version"].includes(flag)));
  });

  it("names exporters, several of a kind as well", async () => {
    const exporters = [
      { use: "otlp" },
      { name: "audit", use: "otlp", from: "1970-01-01T00:00:01Z", shape: { tags: {} } },
    ];
    expect(await load({ exporters })).toMatchObject({
      exporters: [
        { name: "otlp", use: "otlp" },
        { name: "audit", use: "otlp", from: 1_000_000n, shape: { tags: {} } },
      ],
    });
    expect((await load({ exporters }, ["--exporter", "console"])).exporters).toEqual([
      { name: "console", use: "console" },
    ]);
  });

  it.each([
    ["{", /^cannot read spanloom.json: .*JSON/],
    [{ prot: 1 }, /^cannot use spanloom.json: prot is not known; known are dataDir, /],
    [{ port: "80" }, /^cannot use spanloom.json: port is "80", but must be a number/],
    [{ port: 70_000 }, /^cannot use port in spanloom.json "70000": it must be a whole number, 0 to 65535/],
    [{ token: { env: "TOKEN" } }, /^cannot use spanloom.json: token refers to the variable TOKEN, which is not set/],
    [{ databaseUrl: "mysql://me:s3cret@db/jobs" }, /^cannot use databaseUrl in spanloom.json: its scheme is "mysql"/],
    [{ exporters: [{ name: "a" }] }, /exporters\[0\]\.use is missing/],
    [{ exporters: [{ use: "otlp" }, { use: "otlp" }] }, /exporters\[1\]\.name is "otlp", as that of exporters\[0\]/],
    [{ exporters: [{ use: "otlp", from: "soon" }] }, /exporters\[0\]\.from in spanloom.json "soon": it must be now/],
    [{ exporters: [{ use: "otlp", option: {} }] }, /exporters\[0\]\.option is not known; known are name, use, from/],
    [{ exporters: [{ use: "otlp", shape: { tags: { a: 1 } } }] }, /exporters\[0\]\.shape\.tags\.a is a number/],
  ])("refuses %j, naming the place", async (content, message) => {
    await expect(load(content)).rejects.toThrow(message);
  });

  it("names a file that is not there", async () => {
    await expect(loadCommand(["--config", "absent.json"], {}, "/")).rejects.toThrow(/^cannot read absent.json: ENOENT/);
  });

  it("gives exporters their options, their secrets and their shapes", async () => {
    using dir = tempDir();
    const source = `export const optionFields = { apiKey: "text", shape: "any" };
export const exporterFromEnv = (env, options) => ({ name: "own", env, options });\n`;
    writeFileSync(join(dir.path, "own.mjs"), source);
    const use = join(dir.path, "own.mjs");
    const env = { KEY: "k" };
    const made = async (entry: object) => {
      const { exporters } = await load({ exporters: [{ use, ...entry }] }, [], env);
      const [loaded] = await loadExporters(exporters, { env, folder: dir.path });
      return loaded?.exporter as unknown as { options?: unknown };
    };
    expect((await made({})).options).toBeUndefined();
    expect((await made({ options: { apiKey: { env: "KEY" } }, shape: { sampling: "parent" } })).options).toEqual({
      apiKey: "k",
      shape: { sampling: "parent" },
    });
    expect((await made({ shape: { aliases: "workflow" } })).options).toMatchObject({
      shape: { aliases: { "spanloom.job.id": "workflow.id" } },
    });
    await expect(made({ options: { apikey: "k" } })).rejects.toThrow(
      "cannot use spanloom.json: exporters[0].options.apikey is not known; known are apiKey, shape",
    );
  });

  it("works as the documentation shows it", async () => {
    const [block] =
      readFileSync(join(root, "docs/configuration.md"), "utf8").match(/(?<=```json\n)[\s\S]*?(?=```)/g) ?? [];
    const env = { AUDIT_TOKEN: "t" };
    const config = await load(block, [], env);
    expect(config).toMatchObject({ dataDir: "/var/lib/spanloom", port: 7171, retentionDays: 14 });
    const folder = join(root, "packages/exporters/otlp");
    const path = join(folder, "src/index.ts");
    const exporters = config.exporters.map((each) => ({ ...each, use: path }));
    const loaded = await loadExporters(exporters, { env, folder });
    expect(loaded.map(({ name, from }) => [name, from])).toEqual([
      ["otlp", undefined],
      ["audit", "beginning"],
    ]);
    expect(loaded.map(({ exporter }) => exporter.destination)).toEqual([
      expect.stringContaining("http://collector:4317"),
      expect.stringContaining("https://otlp.example"),
    ]);
    for (const { exporter } of loaded) await exporter.shutdown();
  });
});
