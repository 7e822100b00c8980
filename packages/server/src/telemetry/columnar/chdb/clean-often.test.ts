import { tempDir } from "@spanloom/testing";
import { drainPending, Session } from "chdb";
import { expect, it } from "vitest";
import { DATABASE } from "../schema.sql.ts";
import { cleanOften } from "./clean-often.ts";
import { ChdbSpanStore } from "./index.ts";

it("has each table of the embedded store cleaned every ten seconds, and tells only those that are not told yet", async () => {
  using dir = tempDir();
  const store = new ChdbSpanStore({ dataDir: dir.path });
  await store.start();
  await store.stop();
  const session = new Session(dir.path);
  try {
    const ran: string[] = [];
    const run = async (sql: string) => {
      ran.push(sql);
      return (await session.queryAsync(sql, { format: "TabSeparated" })).text();
    };
    const told = () =>
      run(`SELECT name, arraySort(extractAll(engine_full, '[_a-z]*cleanup_delay_period[_a-z]* = [0-9]+')) FROM system.tables
WHERE database = '${DATABASE}' AND engine LIKE '%MergeTree' ORDER BY name FORMAT TSVRaw`);
    const often = "['cleanup_delay_period = 10','cleanup_delay_period_random_add = 0','max_cleanup_delay_period = 10']";
    const all = ["job_traces", "logs", "schema_version", "spans"].map((name) => `${name}\t${often}\n`).join("");
    expect(await told()).toBe(all);
    await run(`ALTER TABLE ${DATABASE}.spans RESET SETTING max_cleanup_delay_period`);
    ran.length = 0;
    await cleanOften(run);
    await cleanOften(run);
    expect(ran.filter((sql) => !sql.startsWith("SELECT"))).toEqual([
      expect.stringContaining(`ALTER TABLE ${DATABASE}.spans MODIFY SETTING`),
    ]);
    expect(await told()).toBe(all);
  } finally {
    session.close();
    await drainPending();
  }
});

it("goes on where a table cannot be told, as on a full disk", async () => {
  const told: string[] = [];
  await cleanOften(async (sql) => {
    if (sql.startsWith("SELECT")) return "logs\nspans\n";
    if (sql.includes(`${DATABASE}.logs `)) throw new Error("No space left on device");
    told.push(sql);
    return "";
  });
  expect(told).toEqual([expect.stringContaining(`ALTER TABLE ${DATABASE}.spans `)]);
});
