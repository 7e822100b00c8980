import { createServer } from "node:net";
import { TestPostgres } from "@spanloom/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { describeDatabase } from "./connect-error.ts";
import { openConnection } from "./connection.ts";

let postgres: TestPostgres;
beforeAll(async () => {
  postgres = await TestPostgres.start();
  await postgres.query("CREATE ROLE guarded LOGIN PASSWORD 'right'");
});
afterAll(() => postgres.stop());

const open = (url: string) => openConnection({ url }, { purpose: "test" });

describe("a connection that fails", () => {
  it("because nobody listens says where it tried and what to check", async () => {
    const server = createServer().listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    const failed = open(`postgres://me:s3cret@127.0.0.1:${port}/jobs`);
    await expect(failed).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE", retryable: true });
    await expect(failed).rejects.toThrow(
      new RegExp(
        `^cannot connect to PostgreSQL database "jobs" at 127.0.0.1:${port} as user "me": .*ECONNREFUSED.*; check that it runs`,
      ),
    );
    await expect(failed).rejects.toThrow(/^(?!.*s3cret)/);
  });

  it("because of a wrong password says so, and does not repeat it", async () => {
    const failed = open(postgres.url("postgres", { name: "guarded", password: "wr0ng" }));
    await expect(failed).rejects.toMatchObject({ reason: "INVALID_STATE" });
    await expect(failed).rejects.toThrow(
      /as user "guarded": password .*; check the user and the password in SPANLOOM_DATABASE_URL$/,
    );
    const error: Error = await failed.catch((cause) => cause);
    expect(`${error.stack} ${JSON.stringify(error)} ${error.cause}`).not.toContain("wr0ng");
    await (await open(postgres.url("postgres", { name: "guarded", password: "right" }))).end();
  });

  it("because there is no such database says so", async () => {
    await expect(open(postgres.url("nowhere"))).rejects.toThrow(
      /database "nowhere" does not exist; create the database/,
    );
  });
});

describe("a connection", () => {
  it("reads numbers as numbers, however long, and bytes as bytes", async () => {
    const client = await open(postgres.url("postgres"));
    const { rows } = await client.query({
      text: "SELECT $1::bigint, ARRAY[1, 2]::bigint[], ARRAY[]::bigint[], $2::bytea, 1::smallint",
      values: [1_700_000_000_000_000, Buffer.from([0, 255])],
      rowMode: "array",
    });
    expect(rows).toEqual([[1_700_000_000_000_000, [1, 2], [], Buffer.from([0, 255]), 1]]);
    await client.end();
  });

  it("keeps the options a URL gives, beside its own", async () => {
    const url = `${postgres.url("postgres")}?options=-c%20work_mem%3D7MB`;
    const client = await open(url);
    const { rows } = await client.query(
      "SELECT current_setting('work_mem') AS mem, current_setting('search_path') AS path",
    );
    expect(rows).toEqual([{ mem: "7MB", path: "spanloom" }]);
    await client.end();
  });

  it("is described without its password and options", () => {
    expect(describeDatabase("postgres://me:s3cret@db/jobs?options=-c")).toBe(
      'PostgreSQL database "jobs" at db:5432 as user "me"',
    );
    expect(describeDatabase("postgres:///jobs?host=/run/pg")).toBe('PostgreSQL database "jobs" at /run/pg');
  });
});
