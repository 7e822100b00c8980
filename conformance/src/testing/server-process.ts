import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

/** Path of the server program of this repository. */
export const serverProgram = path.join(import.meta.dirname, "../../../packages/server/src/bin/spanloom-server.ts");

/** The server of this repository, as a process with data of its own. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly #end: () => Promise<void>;

  private constructor(url: string, end: () => Promise<void>) {
    this.url = url;
    this.#end = end;
  }

  /** Starts one on a free port. Errors: rejects when it ends before it listens. */
  static async start(...flags: string[]): Promise<ServerProcess> {
    const folder = mkdtempSync(path.join(tmpdir(), "spanloom-conformance-"));
    const args = [serverProgram, "--port", "0", "--data-dir", path.join(folder, "data"), "--no-console", ...flags];
    const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    const end = async () => {
      child.kill("SIGTERM");
      await exited;
      rmSync(folder, { recursive: true, force: true });
    };
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /listening on (http:\/\/\S+)/.exec(line)?.[1];
      if (url === undefined) continue;
      child.stdout.resume();
      return new ServerProcess(url, end);
    }
    await end();
    throw new Error("the server ended before it listened");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}
