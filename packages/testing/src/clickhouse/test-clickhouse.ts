import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";

/** Which ClickHouse tests run against. */
export interface TestClickHouseOptions {
  /** One that runs already and may be written to; from SPANLOOM_TEST_CLICKHOUSE_URL. Default: an endpoint of its own. */
  url?: string | undefined;
}

/**
 * A ClickHouse for tests: a given server, or the real engine behind an HTTP endpoint in a process of its own.
 *
 * Its own keeps its data below the system's temporary folder and ends with this process, however that ends. Starting
 * one takes about half a second.
 */
export class TestClickHouse implements AsyncDisposable {
  readonly #folder: string | undefined;
  #url: string;
  #child: ChildProcess | undefined;

  private constructor(url: string, folder?: string) {
    this.#url = url;
    this.#folder = folder;
  }

  /** Starts one, or takes the given one. */
  static async start({ url }: TestClickHouseOptions = {}): Promise<TestClickHouse> {
    if (url !== undefined && url !== "") return new TestClickHouse(url);
    const made = new TestClickHouse("", await mkdtemp(join(tmpdir(), "spanloom-clickhouse-")));
    await made.recover();
    return made;
  }

  /** Where it is; the same after {@link recover}. */
  get url(): string {
    return this.#url;
  }

  /** Kills it; what it acknowledged is kept. Only its own. */
  async crash(): Promise<void> {
    const child = this.#child;
    if (this.#folder === undefined) throw new Error("cannot stop ClickHouse: the one given is not ours");
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    child.kill("SIGKILL");
    await once(child, "exit");
  }

  /** Starts it again after {@link crash}, at the same address. */
  async recover(): Promise<void> {
    const program = new URL("./endpoint-program.ts", import.meta.url).pathname;
    const port = this.#url === "" ? "0" : new URL(this.#url).port;
    const child = spawn(process.execPath, [program, this.#folder!, port], { stdio: ["pipe", "pipe", "inherit"] });
    this.#child = child;
    const lines = createInterface({ input: child.stdout });
    const [line] = (await Promise.race([once(lines, "line"), once(child, "exit")])) as unknown[];
    if (typeof line !== "string") throw new Error(`cannot start the ClickHouse endpoint: it ended with ${line}`);
    this.#url = line;
  }

  /** Ends it and removes its data. Safe to call twice. */
  async stop(): Promise<void> {
    if (this.#folder === undefined) return;
    await this.crash();
    await rm(this.#folder, { recursive: true, force: true });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
