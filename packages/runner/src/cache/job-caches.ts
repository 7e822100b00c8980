import { SpanloomError } from "@spanloom/protocol";
import type { JobCache } from "@spanloom/sdk";
import { decodeKey, encodeKey, quote } from "./cache-key.ts";
import { type CacheOptions, openStorage } from "./cache-options.ts";
import type { CacheStorage } from "./cache-storage.ts";
import { FolderStorage } from "./folder-storage.ts";
import { S3Storage } from "./s3-storage.ts";

const MIB = 1024 * 1024;
const WEEK_MS = 7 * 86_400_000;

/** The caches of all jobs of a runner. */
export class JobCaches {
  readonly #options: CacheOptions;
  readonly #storage: CacheStorage;

  /** Errors: INVALID_FIELD naming the option that cannot be used. */
  constructor(options: CacheOptions) {
    this.#options = options;
    this.#storage = openStorage(options);
  }

  /**
   * Loads what the storage needs and begins to remove what is too old.
   *
   * Errors: INVALID_STATE when a package is missing. A sweep that fails is only logged: it delays no work.
   */
  async start(nowMs: number, log: (line: string) => void): Promise<void> {
    const retentionMs = this.#options.retentionMs ?? WEEK_MS;
    if (this.#storage instanceof S3Storage) await this.#storage.load();
    if (!(this.#storage instanceof FolderStorage) || retentionMs === 0) return;
    this.#storage.sweep(nowMs - retentionMs).then(
      (removed) => removed > 0 && log(`removed the caches of ${removed} jobs, unused for ${retentionMs} ms`),
      (error: unknown) => log(`could not remove old caches: ${textOf(error)}`),
    );
  }

  /** The cache of one job. */
  of(jobId: string): JobCache {
    const storage = this.#storage;
    const base = checkJobId(jobId);
    const at = (key: string): string => `${base}:${encodeKey(key)}`;
    return {
      async get(key) {
        const path = at(key);
        return toBytes(await attempt("get", key, () => storage.getItemRaw(path)));
      },
      set: async (key, bytes) => {
        const path = at(key);
        this.#checkValue(key, bytes);
        await attempt("set", key, () => storage.setItemRaw(path, bytes));
      },
      async has(key) {
        const path = at(key);
        return attempt("look for", key, () => storage.hasItem(path));
      },
      async list(prefix = "") {
        const paths = await attempt("list", prefix, () => storage.getKeys(base));
        const keys = paths.map((path) => decodeKey(path.slice(base.length + 1)));
        return keys.filter((key) => key?.startsWith(prefix)).sort() as string[];
      },
      async delete(key) {
        const path = at(key);
        await attempt("delete", key, () => storage.removeItem(path));
      },
    };
  }

  #checkValue(key: string, bytes: unknown): void {
    const limit = this.#options.maxValueBytes ?? 64 * MIB;
    if (!(bytes instanceof Uint8Array))
      throw new SpanloomError("INVALID_FIELD", `cannot set cache key ${quote(key)}: its value is no Uint8Array`, {
        field: "bytes",
      });
    if (bytes.length <= limit) return;
    const message = `cannot set cache key ${quote(key)}: its value has ${bytes.length} bytes, limit is ${limit}`;
    throw new SpanloomError("LIMIT_EXCEEDED", message, { field: "bytes", limit, actual: bytes.length });
  }
}

/** It becomes part of a path, and came over the wire. */
function checkJobId(jobId: string): string {
  if (/^[0-9a-f-]{1,64}$/.test(jobId)) return jobId;
  throw new SpanloomError("INVALID_FIELD", `cannot open the cache of job "${jobId}": that is no id`, { field: "job" });
}

async function attempt<Value>(verb: string, key: string, run: () => Promise<Value>): Promise<Value> {
  try {
    return await run();
  } catch (cause) {
    const reason = cause instanceof SpanloomError ? cause.reason : "STORE_UNAVAILABLE";
    throw new SpanloomError(reason, `cannot ${verb} cache key ${quote(key)}: ${textOf(cause)}`, {}, { cause });
  }
}

function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // fetch says only that it failed; why is in the cause.
  return error.cause instanceof Error ? `${error.message}: ${error.cause.message}` : error.message;
}

function toBytes(value: unknown): Uint8Array | undefined {
  if (value === null || value === undefined) return undefined;
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  throw new SpanloomError("INVALID_STATE", `cannot read the cache: its storage gave a ${typeof value}, not bytes`);
}
