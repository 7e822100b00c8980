import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { Client } from "pg";

/** What {@link TestPostgres.start} makes databases in. */
export interface TestPostgresOptions {
  /** A PostgreSQL that runs already, with the right to create databases; from SPANLOOM_TEST_DATABASE_URL. Default: its own. */
  url?: string | undefined;
}

/**
 * A real PostgreSQL for tests: its own, which ends with this process however that ends, or a given one.
 *
 * Its own keeps its data below the system's temporary folder, listens on a socket in there and runs as an ordinary user,
 * also when the tests are root's. Durability is off. Starting one takes about a second, a database some 20 ms.
 */
export class TestPostgres implements AsyncDisposable {
  readonly #baseUrl: URL;
  readonly #keeper: Keeper | undefined;
  readonly #databases = new Set<string>();
  #stopped = false;

  private constructor(baseUrl: URL, keeper: Keeper | undefined) {
    this.#baseUrl = baseUrl;
    this.#keeper = keeper;
  }

  /** Starts one, or connects to the given one. */
  static async start({ url }: TestPostgresOptions = {}): Promise<TestPostgres> {
    const keeper = url === undefined || url === "" ? await Keeper.start() : undefined;
    return new TestPostgres(new URL(keeper === undefined ? url! : keeper.url), keeper);
  }

  /** Whether it can be stopped and started: only its own can. */
  get canRestart(): boolean {
    return this.#keeper !== undefined;
  }

  /** URL of a database, whether it exists or not. */
  url(database: string, user?: { name: string; password: string }): string {
    const url = new URL(this.#baseUrl);
    url.pathname = `/${encodeURIComponent(database)}`;
    if (user !== undefined) {
      url.username = user.name;
      url.password = user.password;
    }
    return url.href;
  }

  /** Makes an empty database, or a copy of another; returns its URL. One that exists is left as it is. */
  async createDatabase(name: string, template = "template0"): Promise<string> {
    if (!this.#databases.has(name)) {
      await this.query(`CREATE DATABASE ${quoted(name)} TEMPLATE ${quoted(template)}`);
      this.#databases.add(name);
    }
    return this.url(name);
  }

  /** Removes the databases made so far, but for those named. */
  async dropDatabases(...kept: readonly string[]): Promise<void> {
    for (const name of this.#databases) {
      if (kept.includes(name)) continue;
      await this.query(`DROP DATABASE IF EXISTS ${quoted(name)} WITH (FORCE)`);
      this.#databases.delete(name);
    }
  }

  /** Removes a schema of a database with all that is in it. */
  async dropSchema(url: string, schema: string): Promise<void> {
    await run(url, `SET client_min_messages = warning; DROP SCHEMA IF EXISTS ${quoted(schema)} CASCADE`);
  }

  /** Runs a statement as the superuser, outside of the databases made. */
  async query(sql: string): Promise<void> {
    await run(this.#baseUrl.href, sql);
  }

  /** Stops it as a crash would; clients lose their connections. */
  async crash(): Promise<void> {
    await this.#ownKeeper().order("stop");
  }

  /** Starts it again after {@link crash}; what was committed is there. */
  async recover(): Promise<void> {
    await this.#ownKeeper().order("start");
  }

  /** Removes what it made, and ends it when it is its own. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    if (this.#keeper === undefined) await this.dropDatabases();
    await this.#keeper?.stop();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #ownKeeper(): Keeper {
    if (this.#keeper !== undefined) return this.#keeper;
    throw new Error("cannot restart PostgreSQL: the one at SPANLOOM_TEST_DATABASE_URL is not ours");
  }
}

/** The program that keeps our own PostgreSQL. */
class Keeper {
  readonly #child: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly url: string;

  private constructor(child: ChildProcess, answers: AsyncIterator<string>, folder: string) {
    this.#child = child;
    this.#answers = answers;
    this.url = `postgres://spanloom@${encodeURIComponent(folder)}/postgres`;
  }

  static async start(): Promise<Keeper> {
    const program = new URL("./keeper-program.ts", import.meta.url);
    // A group of its own: an interrupt for the tests must not reach it before the tests have ended.
    const child = spawn(process.execPath, [program.pathname], { stdio: ["pipe", "pipe", "pipe"], detached: true });
    let errors = "";
    child.stderr.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
    const { value: folder, done } = await answers.next();
    if (done) throw new Error(`cannot start PostgreSQL for tests: ${errors}`);
    return new Keeper(child, answers, folder);
  }

  async order(order: "stop" | "start"): Promise<void> {
    this.#child.stdin!.write(`${order}\n`);
    if ((await this.#answers.next()).done) throw new Error(`cannot ${order} PostgreSQL: its keeper ended`);
  }

  async stop(): Promise<void> {
    this.#child.stdin!.end();
    while (!(await this.#answers.next()).done);
  }
}

async function run(url: string, sql: string): Promise<void> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}

function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
