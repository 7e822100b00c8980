/**
 * Keeps one PostgreSQL for a test run, in a folder of its own, and ends both with the run.
 *
 * Whoever started this program holds its standard input. When that closes, because the tests are over or were killed,
 * PostgreSQL is stopped and the folder removed. Lines on standard input are orders; each is answered by a line once done:
 * `restart` stops it hard, as a crash would, and starts it again; `stop` and `start` do half of that each.
 */

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type PostgresBinaries, postgresUser, reachablePostgres } from "./postgres-binaries.ts";

/** Roles by how they log in: `guarded` needs a password, everybody else only needs to reach the socket. */
const ACCESS = "local all guarded scram-sha-256\nlocal all all trust\n";

/**
 * Durability is off: a test machine that loses power repeats its tests. A PostgreSQL that is killed loses nothing all
 * the same, as the kernel has what it wrote.
 */
const SETTINGS = {
  listen_addresses: "",
  fsync: "off",
  full_page_writes: "off",
  wal_level: "minimal",
  max_wal_senders: "0",
  max_connections: "200",
  shared_buffers: "128MB",
  // One process less per file that is open; tests read from the cache anyway.
  io_method: "sync",
  // Errors that tests provoke are not shown; that it is ready is told at level LOG.
  log_min_messages: "log",
};

const folder = mkdtempSync(join(tmpdir(), "spanloom-postgres-"));
const dataDir = join(folder, "data");
const user = postgresUser();
let programs: PostgresBinaries | undefined;
let server: ChildProcess | undefined;

// Interrupts meant for the tests reach their whole group; the end of standard input is what counts.
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(signal, () => {});
process.on("exit", () => {
  server?.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

const orders = createInterface({ input: process.stdin });
// Nobody reads any more when the tests are gone.
process.stdout.on("error", () => {});

try {
  initialize();
  await start();
  console.log(folder);
  for await (const order of orders) {
    if (order === "stop" || order === "restart") await stop("SIGQUIT");
    if (order === "start" || order === "restart") await start();
    console.log(order);
  }
  await stop("SIGQUIT");
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  // Standard input is still open, and would keep this program waiting for orders.
  process.exit(1);
}

function initialize(): void {
  chmodSync(folder, 0o755);
  mkdirSync(dataDir, { mode: 0o700 });
  if (user.uid !== undefined && user.gid !== undefined) {
    chownSync(folder, user.uid, user.gid);
    chownSync(dataDir, user.uid, user.gid);
  }
  programs = reachablePostgres(folder);
  const options = [
    "--username=spanloom",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
    "--auth=trust",
    "--no-instructions",
  ];
  const { status, stderr, error } = spawnSync(programs.initdb, [`--pgdata=${dataDir}`, ...options], {
    ...user,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`cannot set up PostgreSQL in ${dataDir}: ${error?.message ?? stderr}`);
  writeFileSync(join(dataDir, "pg_hba.conf"), ACCESS);
}

async function start(): Promise<void> {
  const settings = Object.entries({ ...SETTINGS, unix_socket_directories: folder });
  const args = ["-D", dataDir, ...settings.flatMap(([name, value]) => ["-c", `${name}=${value}`])];
  const started = spawn(programs!.postgres, args, { ...user, stdio: ["ignore", "ignore", "pipe"], cwd: folder });
  server = started;
  await new Promise<void>((resolve, reject) => {
    let said = "";
    started.stderr.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-10_000);
      if (said.includes("ready to accept connections")) resolve();
    });
    started.on("error", reject);
    started.on("exit", () => reject(new Error(`cannot start PostgreSQL: ${said}`)));
  });
}

/** SIGQUIT ends it at once, without a checkpoint; the next start recovers. */
async function stop(signal: NodeJS.Signals): Promise<void> {
  if (server === undefined || server.exitCode !== null || server.signalCode !== null) return;
  const exited = once(server, "exit");
  server.kill(signal);
  await exited;
}
