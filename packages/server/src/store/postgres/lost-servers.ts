/** Name, among what is noted of a schema, of when a server was lost last, in milliseconds. */
export const SERVER_LOST = "server_lost_at_ms";

/** PostgreSQL's clock, in milliseconds. */
export const nowMs = "(extract(epoch FROM clock_timestamp()) * 1000)::bigint";

/**
 * Parts of a statement that remove servers which ended without a goodbye, as `gone`, and note when that was: what they
 * had on the way to ClickHouse may come yet. `self` is the parameter with the id of whoever removes.
 */
export function removingGone(self: string): string {
  return `gone AS (
    DELETE FROM server WHERE id <> ${self} AND NOT EXISTS
      (SELECT 1 FROM pg_stat_activity a WHERE a.pid = server.pid AND a.backend_start = server.backend_start)
    RETURNING id
  ), lost AS (
    INSERT INTO meta (key, value) SELECT '${SERVER_LOST}', ${nowMs} WHERE EXISTS (SELECT FROM gone)
    ON CONFLICT (key) DO UPDATE SET value = excluded.value
  )`;
}
