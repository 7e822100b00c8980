import { basename } from "node:path";
import { TestPostgres, testStore } from "@spanloom/testing";
import { afterAll, afterEach, beforeAll, expect } from "vitest";
import { PostgresStore } from "./index.ts";
import { recordDifferences } from "./testing/record-differences.ts";

let postgres: TestPostgres;
let url: string;
const schemas = new Set<string>();
beforeAll(async () => {
  postgres = await TestPostgres.start({ url: process.env.SPANLOOM_TEST_DATABASE_URL });
  url = await postgres.createDatabase(`stores_${process.pid}`);
});
afterEach(async () => {
  for (const schema of schemas) await postgres.dropSchema(url, schema);
  schemas.clear();
});
afterAll(() => postgres.stop());

type Options = Omit<ConstructorParameters<typeof PostgresStore>[0], "url">;

/** Compares the record with a scan of it whenever it is closed. */
class CheckedStore extends PostgresStore {
  readonly #schema: string;
  #isOpen = false;

  constructor(schema: string, options: Options) {
    super({ ...options, url, schema });
    this.#schema = schema;
    schemas.add(schema);
  }

  override async start(): Promise<void> {
    await super.start();
    this.#isOpen = true;
  }

  override async stop(): Promise<void> {
    await super.stop();
    if (!this.#isOpen) return;
    this.#isOpen = false;
    expect(await recordDifferences(url, this.#schema)).toEqual({});
  }
}

// P8: what holds for the embedded store holds here.
// A schema of its own for each store: with a database for each, these tests took twice as long.
testStore("PostgresStore", ({ dataDir, clock, cancelGraceMs }) => {
  const schema = basename(dataDir).replaceAll(/\W/g, "_").toLowerCase();
  return new CheckedStore(schema, { nowUs: clock.nowUs, cancelGraceMs });
});
