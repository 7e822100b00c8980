import { join } from "node:path";
import { tempDir } from "@spanloom/testing";
import { expect, test, vi } from "vitest";
import { Database } from "./database.ts";

const { prepare } = vi.hoisted(() => ({ prepare: vi.fn<(sql: string) => void>() }));

vi.mock("node:sqlite", async (original) => {
  const { DatabaseSync } = await original<typeof import("node:sqlite")>();
  return {
    DatabaseSync: class extends DatabaseSync {
      override prepare(sql: string) {
        prepare(sql);
        return super.prepare(sql);
      }
    },
  };
});

function opened(folder: string) {
  const db = new Database(join(folder, "test.db"));
  db.exec("CREATE TABLE t (a INTEGER)");
  return Object.assign(db, {
    [Symbol.dispose]: () => db.close(),
    values: () => db.rows("SELECT a FROM t").flat(),
  });
}

test("a transaction that only reads never begins (I1)", () => {
  using dir = tempDir();
  using db = opened(dir.path);
  db.begin();
  expect(db.row("SELECT count(*) FROM t")).toEqual([0]);
  db.commit();
  db.begin();
  db.rollback();
  expect(prepare.mock.calls.flat()).not.toContain("BEGIN IMMEDIATE");
});

test("from its first statement that writes, all of a transaction is kept or undone together", () => {
  using dir = tempDir();
  using db = opened(dir.path);
  db.begin();
  db.run("INSERT INTO t VALUES (1)");
  db.run("INSERT INTO t VALUES (2)");
  db.rollback();
  expect(db.values()).toEqual([]);
  db.begin();
  // A statement that writes and answers with rows.
  expect(db.rows("INSERT INTO t VALUES (3) RETURNING a")).toEqual([[3]]);
  db.rollback();
  expect(db.values()).toEqual([]);
  db.begin();
  db.run("INSERT INTO t VALUES (4)");
  db.commit();
  db.rollback();
  expect(db.values()).toEqual([4]);
});
