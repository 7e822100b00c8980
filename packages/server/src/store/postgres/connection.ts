import { Client, type ClientConfig, types } from "pg";
import { explainConnectError } from "./connect-error.ts";

/** A database and the schema in it that holds the store's tables. */
export interface DatabaseTarget {
  /** `postgres://user:password@host:port/database`; may hold a password, so it never becomes part of a message. */
  url: string;
  /** Default `spanloom`. */
  schema?: string | undefined;
}

/** Schema of the store's tables, so that the database may hold other programs' tables too. */
export const DEFAULT_SCHEMA = "spanloom";

/** How a connection behaves. Absent times: PostgreSQL's or the role's defaults. */
export interface ConnectionOptions {
  /** Shown in pg_stat_activity, after `spanloom `. */
  purpose: string;
  /** Statements are sent without waiting for the answers of earlier ones. */
  pipeline?: boolean;
  statementTimeoutMs?: number;
  lockTimeoutMs?: number;
  idleInTransactionTimeoutMs?: number;
  /** Takes what PostgreSQL has to say beside its answers. */
  onNotice?: ((message: string) => void) | undefined;
}

/** How long a connection may take to come about. */
const CONNECT_TIMEOUT_MS = 10_000;
/** A peer that is gone without a word is noticed after this and ten more seconds of probes. */
const KEEP_ALIVE_MS = 10_000;

/**
 * The store's statements are few and each is always served by the same indexes: planning them anew costs more than running
 * them (0.93 against 0.58 ms for a small transaction). As they are planned when tables may be empty, they are kept from
 * anything that suits empty tables alone: a chain step over 100,000 tasks took 16 ms instead of 1.
 */
export const PLAN_ONCE = `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;
  SET enable_mergejoin = off; SET jit = off`;

/** Undoes {@link PLAN_ONCE}. */
export const PLAN_ANEW = `SET plan_cache_mode = force_custom_plan; SET enable_seqscan = on; SET enable_hashjoin = on;
  SET enable_mergejoin = on; SET jit = on`;

const INT8 = 20;
const INT8_ARRAY = 1_016;

/** Numbers of the store are far below 2^53: times in microseconds, sizes, row numbers. */
const toNumbers = (text: string): number[] => (text === "{}" ? [] : text.slice(1, -1).split(",").map(Number));

const getTypeParser = ((oid: number, format?: "text" | "binary") => {
  if (format !== "binary" && oid === INT8) return Number;
  if (format !== "binary" && oid === INT8_ARRAY) return toNumbers;
  return types.getTypeParser(oid as never, format as never);
}) as typeof types.getTypeParser;

/** What `pg` is told to connect to a target. */
export function clientConfig(target: DatabaseTarget, options: ConnectionOptions): ClientConfig {
  const url = new URL(target.url);
  const given = url.searchParams.get("options");
  url.searchParams.delete("options");
  const schema = target.schema ?? DEFAULT_SCHEMA;
  return {
    connectionString: url.href,
    application_name: `spanloom ${options.purpose}`,
    options: `${given ?? ""} -c search_path=${schema}`.trim(),
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: KEEP_ALIVE_MS,
    types: { getTypeParser },
    ...(options.pipeline !== undefined && { pipeline: options.pipeline }),
    ...(options.statementTimeoutMs !== undefined && { statement_timeout: options.statementTimeoutMs }),
    ...(options.lockTimeoutMs !== undefined && { lock_timeout: options.lockTimeoutMs }),
    ...(options.idleInTransactionTimeoutMs !== undefined && {
      idle_in_transaction_session_timeout: options.idleInTransactionTimeoutMs,
    }),
  };
}

/**
 * Opens one connection.
 *
 * Errors: INVALID_STATE when the database refuses it for a reason that stays (password, name, rights), STORE_UNAVAILABLE
 * when it cannot be reached; the message says which and what to do, and never holds the password.
 */
export async function openConnection(target: DatabaseTarget, options: ConnectionOptions): Promise<Client> {
  const client = new Client(clientConfig(target, options));
  // A connection that breaks fails its statements, and the next one; unhandled, the event would end the process.
  client.on("error", () => {});
  if (options.onNotice) client.on("notice", ({ message }) => options.onNotice?.(message ?? ""));
  try {
    await client.connect();
  } catch (error) {
    throw explainConnectError(error, target.url);
  }
  return client;
}
