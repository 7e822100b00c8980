import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Runner, type RunnerOptions } from "@spanloom/runner";
import { Client } from "@spanloom/sdk";
import { type RunningServer, type ServerOptions, startServer } from "@spanloom/server";
import { type Browser, type BrowserContextOptions, chromium } from "playwright-core";
import { ConsolePage } from "./console-page.ts";
import { findChromium } from "./find-chromium.ts";
import { type RunnerProgramOptions, startRunnerProgram } from "./runner-program.ts";

/** What a stage is set with. */
export interface ConsoleStageOptions {
  /** Tasks of a runner in this process. Default: there is no runner. */
  tasks?: RunnerOptions["tasks"];
  /** Runners in processes of their own. Default: none. */
  programs?: readonly Omit<RunnerProgramOptions, "url" | "token">[];
  /** What the server is to be told beside its folder and its token. */
  server?: Partial<ServerOptions>;
}

/**
 * A real server with its console, a runner, a client and a Chromium: what every test of the console plays on.
 *
 * I1. What `start` began ends with `stop`, in whatever state it is; the server's folder goes with it.
 * I2. A server that was stopped and started again has the address and the folder that it had.
 */
export class ConsoleStage implements AsyncDisposable {
  /** The token that every call needs. */
  readonly token = "secret";
  readonly #options: ConsoleStageOptions;
  readonly #folder = mkdtempSync(path.join(tmpdir(), "spanloom-console-"));
  #server: RunningServer | undefined;
  #port = 0;
  #runner: Runner | undefined;
  readonly #programs: AsyncDisposable[] = [];
  #client: Client | undefined;
  #browser: Browser | undefined;

  constructor(options: ConsoleStageOptions = {}) {
    this.#options = options;
  }

  async start(): Promise<void> {
    await this.startServer();
    this.#client = new Client({ url: this.url, token: this.token });
    if (this.#options.tasks) {
      this.#runner = new Runner({ url: this.url, token: this.token, tasks: this.#options.tasks });
      await this.#runner.start();
    }
    const { programs = [] } = this.#options;
    const known = { url: this.url, token: this.token };
    for (const program of programs) this.#programs.push(await startRunnerProgram({ ...program, ...known }));
    const executablePath = findChromium(process.env) ?? "chromium";
    this.#browser = await chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-gpu"] });
  }

  async stop(): Promise<void> {
    await this.#browser?.close();
    await this.#runner?.stop();
    await Promise.all(this.#programs.map((program) => program[Symbol.asyncDispose]()));
    this.#client?.close();
    await this.stopServer();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Starts the server, at the address that it had (I2). */
  async startServer(): Promise<void> {
    if (this.#server) return;
    const own = { dataDir: path.join(this.#folder, "data"), token: this.token, port: this.#port };
    this.#server = await startServer({ ...this.#options.server, ...own });
    this.#port = Number(new URL(this.#server.url).port);
  }

  /** Stops the server alone: pages, runner and client stay and find it gone. */
  async stopServer(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.stop();
  }

  /** Folder of the stage, for what tasks read and write. */
  get folder(): string {
    return this.#folder;
  }

  /** Address of the server. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get client(): Client {
    if (!this.#client) throw new Error("cannot use the client: the stage was not started");
    return this.#client;
  }

  /** A page of its own, with nothing kept by others. */
  newPage(options: BrowserContextOptions = {}): Promise<ConsolePage> {
    if (!this.#browser) throw new Error("cannot open a page: the stage was not started");
    return ConsolePage.openIn(this.#browser, { url: this.url, token: this.token, context: options });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}
