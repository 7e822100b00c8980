import type { ExportCursors, KeptExporter, TakenExporter } from "../export-cursors.ts";
import type { Reader } from "./read-pool.ts";
import { statement } from "./statement.ts";

const nowUs = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";

/** Of two servers that take one exporter, the second waits for the first and then sees that it is taken. */
const takeExporters = statement(
  "take_exporters",
  `INSERT INTO exporter AS e (name, token, expires_at)
   SELECT name, 1, ${nowUs} + $2::bigint FROM unnest($1::text[]) AS wanted (name)
   ON CONFLICT (name) DO UPDATE SET token = e.token + 1, expires_at = excluded.expires_at
   WHERE e.expires_at <= ${nowUs}
   RETURNING name, token, cursor`,
);

/** A cursor that is an empty text leaves what is written. */
const keepExporters = statement(
  "keep_exporters",
  `UPDATE exporter AS e SET expires_at = ${nowUs} + $4::bigint, cursor = coalesce(nullif(kept.cursor, ''), e.cursor)
   FROM unnest($1::text[], $2::bigint[], $3::text[]) AS kept (name, token, cursor)
   WHERE e.name = kept.name AND e.token = kept.token
   RETURNING e.name`,
);

const forgetExporters = statement("forget_exporters", `DELETE FROM exporter WHERE expires_at < ${nowUs} - $1::bigint`);

const heldExporters = statement(
  "held_exporters",
  `SELECT name FROM exporter WHERE name = ANY($1::text[]) AND expires_at > ${nowUs}`,
);

/** What {@link PostgresExportCursors} needs. */
export interface PostgresExportCursorsOptions {
  reader: () => Reader;
  /** Tells the other servers that an exporter was given back. */
  tell(): Promise<void>;
}

/** Exporters as rows of a table; each call is one statement, beside the record's lock. */
export class PostgresExportCursors implements ExportCursors {
  readonly #options: PostgresExportCursorsOptions;
  readonly #listeners = new Set<() => void>();

  constructor(options: PostgresExportCursorsOptions) {
    this.#options = options;
  }

  async take(names: readonly string[], leaseMs: number): Promise<readonly TakenExporter[]> {
    // Looking first: servers that wait for their turn look every few seconds, and would lock what they do not get.
    const held = new Set((await this.#rows(heldExporters, names)).map(([name]) => name as string));
    const free = names.filter((name) => !held.has(name)).toSorted();
    if (free.length === 0) return [];
    const rows = await this.#rows(takeExporters, free, leaseMs * 1000);
    return rows.map(([name, token, cursor]) => ({
      name: name as string,
      token: token as number,
      cursor: cursor as string,
    }));
  }

  async keep(exporters: readonly KeptExporter[], leaseMs: number): Promise<ReadonlySet<string>> {
    if (exporters.length === 0) return new Set();
    const sorted = exporters.toSorted((a, b) => (a.name < b.name ? -1 : 1));
    const rows = await this.#rows(
      keepExporters,
      sorted.map(({ name }) => name),
      sorted.map(({ token }) => token),
      sorted.map(({ cursor }) => cursor ?? ""),
      leaseMs * 1000,
    );
    return new Set(rows.map(([name]) => name as string));
  }

  async giveBack(exporter: KeptExporter): Promise<void> {
    const kept = await this.keep([exporter], 0);
    if (kept.size > 0) await this.#options.tell();
  }

  onGivenBack(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Another server gave an exporter back. */
  givenBack(): void {
    for (const listener of this.#listeners) listener();
  }

  async forget(idleMs: number): Promise<void> {
    await this.#rows(forgetExporters, idleMs * 1000);
  }

  #rows(...asked: Parameters<Reader["rows"]>) {
    return this.#options.reader().rows(...asked);
  }
}
