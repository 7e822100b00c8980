import { setTimeout as delay } from "node:timers/promises";
import { type ChaosSetup, type ChaosStorage, type ChaosSubject, TestPostgres } from "@spanloom/testing";
import { Client } from "pg";
import { PostgresStore } from "../store/postgres/index.ts";
import type { Store } from "../store/store.ts";
import { SpanTable } from "./span-table.ts";

/** A PostgreSQL with a database of its own for one worker, whose connections may be cut. */
export class PostgresChaos implements ChaosSubject, AsyncDisposable {
  readonly name = "postgres";
  readonly supported = {};
  readonly #postgres: TestPostgres;
  readonly #url: string;
  #schemas = 0;

  private constructor(postgres: TestPostgres, url: string) {
    this.#postgres = postgres;
    this.#url = url;
  }

  /** Starts one, or makes a database in the given one. */
  static async start(url: string | undefined, database: string): Promise<PostgresChaos> {
    const postgres = await TestPostgres.start({ url });
    return new PostgresChaos(postgres, await postgres.createDatabase(database));
  }

  async open(setup: ChaosSetup): Promise<ChaosStorage> {
    const admin = new Client({ connectionString: this.#postgres.url("postgres") });
    await admin.connect();
    const schema = `chaos_${++this.#schemas}`;
    const drop = () => dropSchema(this.#url, schema);
    return new PostgresStorage(setup, { url: this.#url, schema, admin, drop });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#postgres.stop();
  }
}

async function dropSchema(url: string, schema: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  await client.query(`SET client_min_messages = warning; DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  await client.end();
}

interface Place {
  url: string;
  schema: string;
  admin: Client;
  drop: () => Promise<void>;
}

class PostgresStorage implements ChaosStorage {
  readonly renewsLeases = false;
  readonly workFirst = false;
  readonly answersLate = true;
  readonly waitersByAge = true;
  readonly #setup: ChaosSetup;
  readonly #place: Place;
  readonly #table = new SpanTable();

  constructor(setup: ChaosSetup, place: Place) {
    this.#setup = setup;
    this.#place = place;
  }

  connect(): Store {
    const { clock, graceMs, random } = this.#setup;
    const { url, schema } = this.#place;
    return new PostgresStore({ url, schema, nowUs: clock.nowUs, cancelGraceMs: graceMs, random });
  }

  /** A server that is killed loses its connections: what it had not committed is undone. */
  async breakOff(store: Store): Promise<void> {
    const { admin, url } = this.#place;
    const database = decodeURIComponent(new URL(url).pathname.slice(1));
    const cut = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1";
    while ((await admin.query(cut, [database])).rows.length > 0) await delay(1);
    await store.stop().catch(() => undefined); // it has nothing left to say goodbye with
  }

  project(store: Store) {
    return this.#table.project(store, this.#setup.clock.nowUs);
  }

  spans() {
    return this.#table.spans();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#place.drop();
    await this.#place.admin.end();
  }
}
