import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";

const program = join(import.meta.dirname, "..", "bin", "spanloom-server.ts");

/** The real server program, started. */
export interface ServerProgram {
  child: ChildProcess;
  /** Of the line it prints when it listens; rejects when it ends before. */
  url: Promise<string>;
  /** Exit code or signal, and what it wrote to standard error. */
  end: Promise<{ code: number | string | null; errors: string }>;
}

/** Long, so that runners that do not heartbeat lose no lease where a busy machine stalls. */
const LEASE_MS = 60_000;

/** How to start it. */
export interface ServerProgramOptions {
  dataDir: string;
  /** Default a minute; shorter where leases are to be lost. */
  leaseMs?: number | undefined;
  args?: readonly string[];
  env?: Record<string, string>;
  /** User to run as. */
  uid?: number | undefined;
}

/** Starts programs, and kills those that still run when the test is over. */
export class ServerPrograms {
  readonly #children: ChildProcess[] = [];

  /** Starts a server on a free port. */
  start({ dataDir, leaseMs = LEASE_MS, args = [], env = {}, uid }: ServerProgramOptions): ServerProgram {
    const base = ["--port", "0", "--data-dir", dataDir, "--default-lease-ms", String(leaseMs)];
    const child = spawn(process.execPath, [program, ...base, ...args], {
      env,
      stdio: ["ignore", "pipe", "pipe"],
      ...(uid !== undefined && { uid }),
    });
    this.#children.push(child);
    let errors = "";
    child.stderr?.on("data", (chunk: Buffer) => {
      errors += chunk.toString();
    });
    const end = once(child, "close").then(([code, signal]) => ({
      code: (code ?? signal) as number | string | null,
      errors,
    }));
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const url = Promise.race([
      once(lines, "line").then(([line]) => /listening on (\S+)/.exec(line as string)?.[1] ?? ""),
      end.then(({ errors: text }) => Promise.reject(new Error(`the server ended: ${text}`))),
    ]);
    url.catch(() => {}); // tests that expect no URL do not ask for it
    return { child, url, end };
  }

  /** Kills what still runs. */
  async killAll(): Promise<void> {
    for (const child of this.#children.splice(0)) {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill("SIGKILL");
        await once(child, "exit");
      }
    }
  }
}

/** A transport of a client or runner, whose calls fail after `timeoutMs` when that is given. */
export function transportTo(url: string, timeoutMs?: number): Transport {
  const timeout = timeoutMs === undefined ? {} : { defaultTimeoutMs: timeoutMs };
  return createConnectTransport({ baseUrl: url, httpVersion: "1.1", ...timeout });
}
