import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { Client } from "pg";
import { describe, expect, it } from "vitest";
import { waitFor } from "../signal.ts";
import { TestPostgres } from "./test-postgres.ts";

async function connected(url: string): Promise<Client> {
  const client = new Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  return client;
}

/** Folder of a server, from a URL of it. */
const folderOf = (url: string): string => decodeURIComponent(new URL(url).hostname);

describe("a PostgreSQL for tests", () => {
  it("keeps what was committed when it crashes, and goes with its folder when it is stopped", async () => {
    const postgres = await TestPostgres.start();
    const url = await postgres.createDatabase("first");
    const client = await connected(url);
    await client.query("CREATE TABLE kept (n integer); INSERT INTO kept VALUES (1)");
    await postgres.crash();
    await expect(connected(url)).rejects.toThrow();
    await postgres.recover();
    const again = await connected(url);
    expect((await again.query("SELECT n FROM kept")).rows).toEqual([{ n: 1 }]);
    await again.end();
    expect(existsSync(folderOf(url))).toBe(true);
    await postgres.stop();
    await postgres.stop();
    expect(existsSync(folderOf(url))).toBe(false);
  });

  it("copies databases, and removes them", async () => {
    await using postgres = await TestPostgres.start();
    const template = await connected(await postgres.createDatabase("template"));
    await template.query("CREATE TABLE copied (n integer)");
    await template.end();
    const copy = await connected(await postgres.createDatabase("copy", "template"));
    expect((await copy.query("SELECT n FROM copied")).rows).toEqual([]);
    await postgres.dropDatabases("template");
    await expect(connected(postgres.url("copy"))).rejects.toThrow(/does not exist/);
    await (await connected(postgres.url("template"))).end();
  });

  it("ends with the process that started it, also when that is killed", async () => {
    const program = `
      import { TestPostgres } from ${JSON.stringify(new URL("./test-postgres.ts", import.meta.url).href)};
      const postgres = await TestPostgres.start();
      console.log(postgres.url("postgres"));
      setInterval(() => {}, 1_000);`;
    const child = spawn(process.execPath, ["--input-type=module", "-e", program], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [line] = await once(child.stdout.setEncoding("utf8"), "data");
    const url = String(line).trim();
    const client = await connected(url);
    await client.end();
    child.kill("SIGKILL");
    await waitFor(() => !existsSync(folderOf(url)), { what: "the folder to go" });
    await expect(connected(url)).rejects.toThrow();
    expect(dirname(folderOf(url))).not.toBe("/");
  });
});
