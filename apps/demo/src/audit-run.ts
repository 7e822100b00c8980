import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { QueryClient } from "@spanloom/query";
import { Client, type JobHandle, type JobSnapshot } from "@spanloom/sdk";
import { type RunningServer, type ServerOptions, startServer } from "@spanloom/server";
import { type RunnerCommand, RunnerProcess } from "./runner-process.ts";
import { listPackages } from "./tasks/list-packages.ts";

/** What a run needs. */
export interface AuditRunOptions {
  /** Folder to audit. */
  dir: string;
  /** File the report is written to. */
  reportPath: string;
  /** How long a killed runner keeps what it held, in milliseconds. */
  leaseMs: number;
  /** Runners for the server at a URL. */
  runners: (url: string) => readonly RunnerCommand[];
  /** Exporters of the server. */
  exporters?: NonNullable<ServerOptions["exporters"]>;
  /** Lines of the server's log. */
  log?: (line: string) => void;
}

/**
 * A whole system for one audit: an embedded server on a temporary folder, runner processes and a client.
 *
 * I1. `stop` leaves nothing behind: no process, no port, no temporary folder. Safe to call twice and before `start`.
 */
export class AuditRun implements AsyncDisposable {
  readonly #options: AuditRunOptions;
  #folder: string | undefined;
  #server: RunningServer | undefined;
  #client: Client | undefined;
  #stopping: Promise<void> | undefined;
  readonly runners: RunnerProcess[] = [];

  constructor(options: AuditRunOptions) {
    this.#options = options;
  }

  /** Starts the server and the runners. Errors: those of the server; when a runner exits at once. */
  async start(): Promise<void> {
    const { runners, leaseMs, exporters, log } = this.#options;
    this.#folder = await mkdtemp(join(tmpdir(), "spanloom-demo-"));
    this.#server = await startServer({
      dataDir: join(this.#folder, "data"),
      port: 0,
      limits: { minLeaseMs: leaseMs, defaultLeaseMs: leaseMs },
      ...(exporters && { exporters }),
      ...(log && { log }),
    });
    this.#client = new Client({ url: this.url });
    this.runners.push(...runners(this.url).map((command) => new RunnerProcess(command)));
    await Promise.all(this.runners.map((runner) => runner.start()));
  }

  /** Starts a runner like one of those at the start, in the place of one that is gone. Errors: when it exits at once. */
  async startAnother(index: number): Promise<void> {
    const command = this.#options.runners(this.url)[index];
    if (!command) throw new Error(`cannot start a runner like number ${index}: there were fewer`);
    const runner = new RunnerProcess(command);
    this.runners.push(runner);
    await runner.start();
  }

  /** Where the server listens. */
  get url(): string {
    return started(this.#server).url;
  }

  /** The client of the run. */
  get client(): Client {
    return started(this.#client);
  }

  /** Asks for spans and logs. */
  get query(): QueryClient {
    return new QueryClient({ url: this.url });
  }

  /** Submits the audit. */
  submit(): Promise<JobHandle<{ packages: number }>> {
    const { dir, reportPath } = this.#options;
    const workDir = join(started(this.#folder), "work");
    return this.client.jobs.submit(listPackages, { dir, workDir, reportPath }, { name: "dependency-audit" });
  }

  /**
   * Follows a job to its end and shows each state it was seen in.
   *
   * Errors: when every runner has exited, as then nothing would ever finish; what `onChange` throws; the signal's reason.
   */
  async follow(jobId: string, onChange: (job: JobSnapshot) => void, signal?: AbortSignal): Promise<JobSnapshot> {
    const given = Promise.withResolvers<never>();
    signal?.addEventListener("abort", () => given.reject(signal.reason), { once: true });
    const runnersGone = Promise.all(this.runners.map(({ exited }) => exited)).then(() => {
      throw new Error(`cannot go on: every runner has exited\n${this.runners.map((r) => r.lastLines).join("\n")}`);
    });
    return Promise.race([this.#watch(jobId, onChange), runnersGone, given.promise]);
  }

  async #watch(jobId: string, onChange: (job: JobSnapshot) => void): Promise<JobSnapshot> {
    let last: JobSnapshot | undefined;
    for await (const job of this.client.jobs.watch(jobId)) {
      last = job;
      onChange(job);
    }
    if (!last) throw new Error(`cannot follow job ${jobId}: the server said nothing about it`);
    return last;
  }

  /** Stops everything (I1). */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  async #stop(): Promise<void> {
    // Runners first, so that they can still hand back what they hold.
    await Promise.all(this.runners.map((runner) => runner.stop()));
    await this.#client?.close();
    await this.#server?.stop();
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }
}

function started<Part>(part: Part | undefined): Part {
  if (part === undefined) throw new Error("cannot use the run: it has not been started");
  return part;
}
