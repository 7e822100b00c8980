import type { Client } from "pg";
import { type DatabaseTarget, DEFAULT_SCHEMA, openConnection } from "./connection.ts";
import { removingGone } from "./lost-servers.ts";
import { channelOf, decodePayload } from "./notify.ts";
import { TAKE_STORE_LOCK } from "./store-lock.ts";

/** What {@link Listener} needs. */
export interface ListenerOptions {
  target: DatabaseTarget;
  /** UUID of this server. */
  serverId: string;
  /** Takes what other servers said. Must not throw. */
  onMessage(topic: string, body: string, serverId: string): void;
  /** Servers that were gone without a goodbye were removed: nobody else will know. Must not throw. */
  onRemoved?(): void;
  /** Something may have been missed: everything may have changed. Must not throw. */
  onGap(): void;
  /** Runs a function later; returns how not to. */
  schedule(run: () => void, delayMs: number): () => void;
  /** Numbers in [0, 1). */
  random(): number;
}

const FIRST_RETRY_MS = 100;
const MAX_RETRY_MS = 5_000;

/**
 * Hears what other servers on the same schema say.
 *
 * I1. A message sent while the connection stands is delivered. After any time without one, and while there is none,
 *     `onGap` is called: at once when it is back, and every five seconds until then.
 * I2. While the connection stands nothing is asked of the database; a peer that is gone is noticed by TCP.
 * I3. A server's row in `server` belongs to its connection; whoever connects removes the rows of connections that are gone.
 * I4. The row is entered under the store's lock: a transaction that does not see it, and so tells nobody what it did, was
 *     over before `start` resolved.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #channel: string;
  #client: Client | undefined;
  #connecting: Promise<void> | undefined;
  #cancelRetry: (() => void) | undefined;
  #retryMs = FIRST_RETRY_MS;
  #stopped = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
    this.#channel = channelOf(options.target.schema ?? DEFAULT_SCHEMA);
  }

  /** Connects. Throws when that fails; later failures are tried again. */
  async start(): Promise<void> {
    this.#stopped = false;
    await this.#connect();
  }

  /** Whether messages are heard now. */
  get isListening(): boolean {
    return this.#client !== undefined;
  }

  /** Says goodbye and closes; without goodbye another server takes over what this one leaves. Safe to call twice. */
  async stop({ goodbye = true } = {}): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    await this.#connecting?.catch(() => {});
    const client = this.#client;
    this.#client = undefined;
    if (client === undefined) return;
    try {
      if (goodbye) await client.query("DELETE FROM server WHERE id = $1", [this.#options.serverId]);
    } catch {
      // A connection that broke takes the row with it: the next server to connect removes it.
    }
    await client.end();
  }

  #connect(): Promise<void> {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(): Promise<void> {
    const client = await openConnection(this.#options.target, { purpose: "listener" });
    try {
      client.on("end", () => this.#onEnd(client));
      client.on("notification", ({ payload }) => this.#receive(payload ?? ""));
      await client.query(`LISTEN ${client.escapeIdentifier(this.#channel)}`);
      await client.query("BEGIN");
      await client.query(TAKE_STORE_LOCK);
      const { rows } = await client.query(enlist, [this.#options.serverId]);
      await client.query("COMMIT");
      if (rows.length > 0) this.#options.onRemoved?.();
    } catch (error) {
      await client.end();
      throw error;
    }
    this.#client = client;
    this.#retryMs = FIRST_RETRY_MS;
  }

  #receive(payload: string): void {
    const message = decodePayload(payload);
    if (message === undefined || message.serverId === this.#options.serverId) return;
    this.#options.onMessage(message.topic, message.body, message.serverId);
  }

  #onEnd(client: Client): void {
    if (this.#client !== client) return;
    this.#client = undefined;
    this.#retry();
  }

  #retry(): void {
    if (this.#stopped) return;
    const delayMs = this.#retryMs * (0.5 + this.#options.random() / 2);
    this.#retryMs = Math.min(this.#retryMs * 2, MAX_RETRY_MS);
    this.#cancelRetry = this.#options.schedule(() => {
      this.#connect().then(
        () => this.#options.onGap(),
        () => {
          // PostgreSQL may answer the writer and have no connection left for listening.
          if (this.#retryMs === MAX_RETRY_MS) this.#options.onGap();
          this.#retry();
        },
      );
    }, delayMs);
  }
}

/** Enters this server, and removes those whose connection is gone; answers which. */
const enlist = `WITH ${removingGone("$1")}, entered AS (
  INSERT INTO server (id, pid, backend_start)
  SELECT $1, pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
  ON CONFLICT (id) DO UPDATE SET pid = excluded.pid, backend_start = excluded.backend_start
  )
  SELECT id FROM gone`;
