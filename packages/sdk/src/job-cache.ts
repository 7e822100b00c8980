/**
 * Bytes by key, shared by all tasks of a job on all runners that are configured alike, and by all attempts of a task.
 *
 * It is for what is expensive to make again: what one attempt stored, the next one finds. A value may be gone, after the
 * retention time or because a runner elsewhere has another folder, so code must be able to do without it. Results that
 * others depend on are outputs, not cache.
 *
 * Keys: any text of 1 to 256 bytes; `A` and `a` are two keys on every system. Values: up to 64 MiB unless the runner says
 * otherwise.
 * Errors: INVALID_FIELD for a key that is none; LIMIT_EXCEEDED for a value that is too large; STORE_UNAVAILABLE or
 * INVALID_STATE naming key and cause when the storage fails.
 * Concurrency: a reader finds a whole value, the old or the new one, never parts; of writers the last one wins.
 */
export interface JobCache {
  /** The value of a key; undefined when there is none. */
  get(key: string): Promise<Uint8Array | undefined>;
  /** Sets a value; resolves when others can read it. */
  set(key: string, bytes: Uint8Array): Promise<void>;
  /** Whether a key has a value. */
  has(key: string): Promise<boolean>;
  /** The keys that begin with `prefix`, all of them without one, sorted by code unit. */
  list(prefix?: string): Promise<string[]>;
  /** Removes a value; does nothing when there is none. */
  delete(key: string): Promise<void>;
}
