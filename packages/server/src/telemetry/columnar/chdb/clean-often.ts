import type { RunStatement } from "../migrate.ts";
import { DATABASE } from "../schema.sql.ts";

/**
 * How often the engine looks for parts that were merged away and deletes them, in seconds.
 *
 * Left alone it looks 30 to 40 s after it opened a table, and then, the less there was to delete, every 30 to 310 s. Until
 * then the disk holds those rows twice or more: 45 s after two million spans came, 189 to 281 MB instead of 114, which is
 * room that others lack who share the disk. Looking every 10 s costs nothing that shows: an idle server took 0.3 to 0.4 %
 * of a core, and 0.4 to 0.45 without, in three pairs of runs in turn; spans came in at 0.86 to 1.11 times the speed in six,
 * and 99 % of leases meanwhile within 9.6 to 14.4 ms, and 9.3 to 15.0 without, in fourteen.
 */
const CLEANUP_SECONDS = 10;

const SETTINGS = [
  `cleanup_delay_period = ${CLEANUP_SECONDS}`,
  `max_cleanup_delay_period = ${CLEANUP_SECONDS}`,
  "cleanup_delay_period_random_add = 0",
];

/**
 * Has the engine delete parts soon after they were merged away, in each table that is not told so yet.
 *
 * Of the embedded engine only: a server's own is for whoever runs it, and replicas ask Keeper each time they look.
 */
export async function cleanOften(run: RunStatement): Promise<void> {
  const told = "extractAll(engine_full, '[_a-z]*cleanup_delay_period[_a-z]* = [0-9]+')";
  const wanted = SETTINGS.map((setting) => `'${setting}'`).join(", ");
  const found = await run(
    `SELECT name FROM system.tables WHERE database = '${DATABASE}' AND engine LIKE '%MergeTree' AND NOT hasAll(${told}, [${wanted}])`,
  );
  for (const name of found.split("\n").filter((line) => line !== ""))
    await run(`ALTER TABLE ${DATABASE}.${name} MODIFY SETTING ${SETTINGS.join(", ")}`).catch(() => {
      // A full disk takes no change, and must not keep the server from starting: the engine deletes later then.
    });
}
