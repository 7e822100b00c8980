import { TestPostgres } from "@spanloom/testing";
import { Client } from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { migrate } from "./migrate.ts";
import { SCHEMA_VERSION } from "./schema.sql.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
});
afterAll(() => postgres.stop());

let databases = 0;

/** A database that only this test uses. */
async function emptyDatabase(): Promise<string> {
  return postgres.createDatabase(`migrate_${process.pid}_${databases++}`);
}

async function query<Row extends object>(url: string, sql: string): Promise<Row[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

const setVersion = (url: string, version: number) =>
  query(url, `UPDATE spanloom.meta SET value = ${version} WHERE key = 'schema_version'`);

/** Everything the migrations made, one line each. */
const dump = `SELECT line FROM (
  SELECT format('table %s: %s %s%s%s', c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN ' not null' END, ' ' || nullif(concat_ws(' ', 'default', pg_get_expr(d.adbin, d.adrelid)), 'default')) AS line
  FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
  WHERE c.relnamespace = 'spanloom'::regnamespace AND c.relkind = 'r'
  UNION ALL SELECT format('index %s', indexdef) FROM pg_indexes WHERE schemaname = 'spanloom'
  UNION ALL SELECT format('options %s: %s', relname, reloptions) FROM pg_class
    WHERE relnamespace = 'spanloom'::regnamespace AND reloptions IS NOT NULL
  UNION ALL SELECT format('sequence %s', sequencename) FROM pg_sequences WHERE schemaname = 'spanloom'
) lines ORDER BY line COLLATE "C"`;

describe("migrating", () => {
  it("makes the schema that testdata shows", async () => {
    const url = await emptyDatabase();
    await migrate({ url });
    const lines = (await query<{ line: string }>(url, dump)).map(({ line }) => line.trim());
    await expect(`${lines.join("\n")}\n`).toMatchFileSnapshot("testdata/schema.txt");
  });

  it("leads from the first version to the same schema, and keeps what is there", async () => {
    const [url, fresh] = [await emptyDatabase(), await emptyDatabase()];
    for (const each of [url, fresh]) await migrate({ url: each });
    await query(
      url,
      `DROP TABLE spanloom.exporter, spanloom.commit_mark, spanloom.definition, spanloom.firing, spanloom.event;
       DROP SEQUENCE spanloom.firing_seq, spanloom.event_seq; ALTER TABLE spanloom.job DROP trigger, DROP retried_at`,
    );
    await query(url, "INSERT INTO spanloom.runner VALUES (1, gen_random_uuid(), NULL, 1, 2, 3)");
    await setVersion(url, 1);
    await Promise.all([migrate({ url }), migrate({ url })]);
    expect(await query(url, dump)).toEqual(await query(fresh, dump));
    expect(
      await query(
        url,
        "SELECT value::integer, (SELECT count(*)::integer FROM spanloom.runner) AS runners FROM spanloom.meta",
      ),
    ).toEqual([{ value: SCHEMA_VERSION, runners: 1 }]);
  });

  it("is done by one of several servers that start at once", async () => {
    const url = await emptyDatabase();
    await Promise.all(Array.from({ length: 5 }, () => migrate({ url })));
    expect(await query(url, "SELECT key, value::integer FROM spanloom.meta")).toEqual([
      { key: "schema_version", value: SCHEMA_VERSION },
    ]);
  });

  it("leaves a schema from a newer version as it is, and names both versions", async () => {
    const url = await emptyDatabase();
    await migrate({ url });
    await setVersion(url, 99);
    const refused = migrate({ url });
    await expect(refused).rejects.toMatchObject({ reason: "INVALID_STATE", facts: { actual: 99 } });
    await expect(refused).rejects.toThrow(
      /schema "spanloom" of PostgreSQL database .* version 99, .* up to 4; start a newer/,
    );
    expect(await query(url, "SELECT value::integer FROM spanloom.meta")).toEqual([{ value: 99 }]);
  });

  it("does not touch tables of another program", async () => {
    const url = await emptyDatabase();
    await query(url, "CREATE SCHEMA spanloom; CREATE TABLE spanloom.orders (id integer)");
    await expect(migrate({ url })).rejects.toThrow(/tables of another program/);
  });

  it("puts stores with other names beside each other", async () => {
    const url = await emptyDatabase();
    await migrate({ url });
    await migrate({ url, schema: "second" });
    expect(await query(url, "SELECT count(*)::integer AS n FROM pg_tables WHERE tablename = 'task'")).toEqual([
      { n: 2 },
    ]);
  });

  it("refuses a database that may only be read, before anybody tries to write", async () => {
    const url = await emptyDatabase();
    const readOnly = `${url}${url.includes("?") ? "&" : "?"}options=-c%20default_transaction_read_only%3Don`;
    await expect(migrate({ url: readOnly })).rejects.toThrow(/cannot set up the store .* may be written to/);
    await migrate({ url });
    await expect(migrate({ url: readOnly })).rejects.toThrow(/read-only .*; give the primary's address/);
  });

  it("refuses a user without the right to write, and says which right it needs", async () => {
    const url = await emptyDatabase();
    const role = `reader_${process.pid}`;
    await postgres.query(`CREATE ROLE ${role} LOGIN PASSWORD 'reader'`);
    try {
      const database = new URL(url).pathname.slice(1);
      const asReader = postgres.url(database, { name: role, password: "reader" });
      await expect(migrate({ url: asReader })).rejects.toThrow(/permission denied .*; grant the user CREATE/);
      await migrate({ url });
      await query(
        url,
        `GRANT USAGE ON SCHEMA spanloom TO ${role}; GRANT SELECT ON ALL TABLES IN SCHEMA spanloom TO ${role}`,
      );
      await expect(migrate({ url: asReader })).rejects.toThrow(/may only read its tables; start as their owner/);
    } finally {
      await postgres.dropDatabases();
      await postgres.query(`DROP ROLE ${role}`);
    }
  });
});
