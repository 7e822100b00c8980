/** Starts what a Spanloom variant of the peer benchmark runs on: a server process, and PostgreSQL from the harness. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** What the harness may ask of a server of its own. */
interface Infra {
  kind: string;
  version: string;
  settings: Readonly<Record<string, string>>;
  pids(): number[];
  reset(): Promise<Record<string, unknown>>;
  settle(): Promise<void>;
  flush?(): Promise<void>;
  stop(): Promise<void>;
}

const program = fileURLToPath(new URL("../../packages/server/src/bin/spanloom-server.ts", import.meta.url));
const STOP_MS = 20_000;

/** Starts the variant's servers; `reset` gives an empty store behind a new server process. */
export async function start({ dir, opts }: { dir: string; opts: { store: "sqlite" | "postgres" } }): Promise<Infra> {
  const postgres = opts.store === "postgres" ? await startPostgres(dir) : undefined;
  let server: ChildProcess | undefined;
  let runs = 0;
  const stopServer = async () => {
    if (server !== undefined) await end(server);
    server = undefined;
  };
  return {
    kind: "spanloom",
    version: `Spanloom over ${postgres?.version ?? "SQLite"}`,
    settings: postgres?.settings ?? {},
    pids: () => [...(server?.pid === undefined ? [] : [server.pid]), ...(postgres?.pids() ?? [])],
    async reset() {
      await stopServer();
      rmSync(join(dir, `data-${runs}`), { recursive: true, force: true });
      const dataDir = join(dir, `data-${++runs}`);
      mkdirSync(dataDir, { recursive: true });
      const { pgUrl } = (await postgres?.reset()) ?? {};
      const started = await startServer(dataDir, pgUrl as string | undefined);
      server = started.process;
      return { spanloomUrl: started.url };
    },
    settle: async () => postgres?.settle(),
    flush: async () => postgres?.flush?.(),
    async stop() {
      await stopServer();
      await postgres?.stop();
    },
  };
}

/** The harness's own PostgreSQL, so that all peers have the same; it sits beside the program that was started. */
async function startPostgres(dir: string): Promise<Infra> {
  const harness = join(process.argv[1] ?? "", "..", "infra", "postgres.mjs");
  const { start: startHarness } = (await import(pathToFileURL(harness).href)) as { start: typeof start };
  return startHarness({ dir, opts: { store: "postgres" } });
}

async function startServer(dataDir: string, databaseUrl: string | undefined) {
  const database = databaseUrl === undefined ? [] : ["--database-url", databaseUrl];
  const args = [program, "--port", "0", "--data-dir", dataDir, ...database];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  const url = await new Promise<string>((resolve, reject) => {
    let text = "";
    child.stdout.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      const found = /listening on (\S+)/.exec(text)?.[1];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (code) => reject(new Error(`cannot start the server: it exited with ${code}`)));
  });
  return { process: child, url };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once("exit", resolve));
  child.kill("SIGTERM");
  const insist = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
  await gone;
  clearTimeout(insist);
}
