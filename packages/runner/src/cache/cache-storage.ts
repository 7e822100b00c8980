/**
 * Where the cache's bytes are: the part of unstorage's `Storage` that is needed, so that each of its drivers will do.
 *
 * Keys are parts of `[a-z0-9_-]` joined by `:`. The two that come with the runner are not unstorage's: its folder driver
 * writes files in place, where a reader can find half a value, and its S3 driver lists a whole bucket, and no more than
 * 1,000 keys of it.
 */
export interface CacheStorage {
  /** The bytes, as Uint8Array or ArrayBuffer; null or undefined when there are none. */
  getItemRaw(key: string): Promise<unknown>;
  /** MUST be atomic: a reader finds the old bytes or the new ones. */
  setItemRaw(key: string, bytes: Uint8Array): Promise<void>;
  hasItem(key: string): Promise<boolean>;
  /** All keys that begin with `base` and a colon. */
  getKeys(base: string): Promise<string[]>;
  removeItem(key: string): Promise<void>;
}
