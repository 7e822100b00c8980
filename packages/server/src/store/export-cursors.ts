/** An exporter that this server was given: nobody else has it until its lease ends or it is given back. */
export interface TakenExporter {
  name: string;
  /** Higher than that of all who had it before. */
  token: number;
  /** Up to where it was served, as whoever served it wrote it; empty for one that is new. */
  cursor: string;
}

/** What the server that has an exporter tells of it. */
export interface KeptExporter {
  name: string;
  token: number;
  /** Up to where it is served; undefined leaves what is written. */
  cursor?: string | undefined;
}

/**
 * Which of several servers on one record serves which exporter, and up to where.
 *
 * I1. At most one server holds a token that is good; whoever takes an exporter makes the tokens before it void, and what is
 *     told under a void one changes nothing. So a server that was frozen cannot set an exporter back.
 * I2. Leases are timed by the record's own clock.
 * Errors: STORE_UNAVAILABLE.
 */
export interface ExportCursors {
  /** Takes those exporters that nobody has, for `leaseMs`. */
  take(names: readonly string[], leaseMs: number): Promise<readonly TakenExporter[]>;
  /** Writes cursors and extends leases by `leaseMs` from now; resolves with the names whose token is still good. */
  keep(exporters: readonly KeptExporter[], leaseMs: number): Promise<ReadonlySet<string>>;
  /** Gives an exporter back and tells the other servers. */
  giveBack(exporter: KeptExporter): Promise<void>;
  /** Calls back when another server gave an exporter back; returns how not to. */
  onGivenBack(listener: () => void): () => void;
  /** Forgets exporters that nobody has had for so long. */
  forget(idleMs: number): Promise<void>;
}
