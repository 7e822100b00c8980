import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { waitFor } from "../signal.ts";

/** What is different about a program. */
export interface BackendProgramOptions {
  /** Its arguments, for the file of its configuration and the folder that it may write to. Default `--config <file>`. */
  args?: (file: string, folder: string) => string[];
  /** What it writes to standard error when it is ready. Default `Everything is ready`. */
  ready?: string;
}

/** A backend's program, run with a configuration of its own in a folder of its own, on loopback. */
export class BackendProgram implements AsyncDisposable {
  readonly folder: string;
  readonly #child: ChildProcess;
  readonly #ready: string;
  #errors = "";

  private constructor(folder: string, child: ChildProcess, ready: string) {
    this.folder = folder;
    this.#child = child;
    this.#ready = ready;
    child.stderr?.on("data", (chunk: Buffer) => {
      this.#errors += chunk.toString();
    });
  }

  /**
   * Starts `program` with its configuration, whose text `configure` gives for the folder it may write to, and waits until it
   * says that it is ready.
   *
   * Errors: an Error with what the program wrote when it ends instead.
   */
  static async start(
    program: string,
    configure: (folder: string) => string,
    { args = (file) => ["--config", file], ready = "Everything is ready" }: BackendProgramOptions = {},
  ): Promise<BackendProgram> {
    const folder = await mkdtemp(join(tmpdir(), "spanloom-backend-"));
    const config = join(folder, "config.yaml");
    await writeFile(config, configure(folder));
    const child = spawn(program, args(config, folder), { stdio: ["ignore", "ignore", "pipe"] });
    const backend = new BackendProgram(folder, child, ready);
    await waitFor(() => backend.#isReady(), { what: `${program} to be ready` });
    return backend;
  }

  #isReady(): boolean {
    if (this.#child.exitCode !== null) throw new Error(`cannot start the backend: ${this.#errors}`);
    return this.#errors.includes(this.#ready);
  }

  /** Ends the program and removes its folder. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) {
      this.#child.kill("SIGKILL");
      await once(this.#child, "exit");
    }
    await rm(this.folder, { recursive: true });
  }
}

/** Ports of loopback that nobody listens on, for programs that cannot say which one they got. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => once(server.close(), "close")));
  return ports;
}
