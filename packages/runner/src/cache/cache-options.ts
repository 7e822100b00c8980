import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { SpanloomError } from "@spanloom/protocol";
import type { CacheStorage } from "./cache-storage.ts";
import { FolderStorage } from "./folder-storage.ts";
import { type S3Credentials, S3Storage } from "./s3-storage.ts";

/** Where a runner keeps what tasks put into `ctx.cache`. */
export interface CacheOptions {
  /**
   * `file:///folder`, or `s3://bucket/prefix?endpoint=https://...&region=...` for any S3-compatible store; without an
   * endpoint it is Amazon's, without a region `us-east-1`. Default: `.spanloom/cache` in the working directory.
   *
   * Runners that run tasks of the same jobs should name the same place.
   */
  url?: string | undefined;
  /** Key of an S3 store; `url` never holds it. */
  credentials?: S3Credentials | undefined;
  /** A storage of one's own instead of `url`, e.g. any made by `createStorage` of unstorage. */
  storage?: CacheStorage | undefined;
  /** Largest value. Default 64 MiB. */
  maxValueBytes?: number | undefined;
  /**
   * What was not written to for so long is removed from a folder, job by job, when a runner starts. Default 7 days;
   * 0 keeps everything. A bucket has lifecycle rules of its own for that.
   */
  retentionMs?: number | undefined;
}

const DEFAULT_FOLDER = ".spanloom/cache";

/** The storage that options name. Errors: INVALID_FIELD naming the option. */
export function openStorage({ url, credentials, storage }: CacheOptions): CacheStorage {
  if (storage) return storage;
  if (url === undefined) return new FolderStorage(resolve(DEFAULT_FOLDER));
  const parsed = URL.parse(url);
  if (parsed?.protocol === "file:") return new FolderStorage(toFolder(parsed));
  if (parsed?.protocol === "s3:") return openS3(parsed, credentials);
  throw refuse(url, "it must begin with file:// or s3://");
}

function toFolder(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw refuse(url.href, cause instanceof Error ? cause.message : String(cause));
  }
}

function openS3(url: URL, credentials: S3Credentials | undefined): S3Storage {
  const bucket = url.hostname;
  const prefix = url.pathname.replace(/^\/+|\/+$/g, "");
  const region = url.searchParams.get("region") ?? "us-east-1";
  const endpoint = url.searchParams.get("endpoint") ?? `https://s3.${region}.amazonaws.com`;
  for (const name of url.searchParams.keys())
    if (name !== "region" && name !== "endpoint") throw refuse(url.href, `it has an unknown parameter "${name}"`);
  if (url.username || url.password) throw refuse(`s3://${bucket}`, "a URL must not hold credentials");
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) throw refuse(url.href, `"${bucket}" is no bucket's name`);
  if (!/^[\w./-]{0,200}$/.test(prefix)) throw refuse(url.href, "its prefix may hold letters, digits and . _ - / only");
  if (!/^https?:$/.test(URL.parse(endpoint)?.protocol ?? "")) throw refuse(url.href, "its endpoint is no http(s) URL");
  if (!credentials?.accessKeyId || !credentials.secretAccessKey)
    throw refuse(url.href, "credentials are missing; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY");
  const location = { endpoint: endpoint.replace(/\/+$/, ""), bucket, prefix: prefix && `${prefix}/`, region };
  return new S3Storage(location, credentials);
}

/**
 * What the environment says: `SPANLOOM_CACHE_URL`, or a folder below the data folder, and the standard `AWS_*` variables.
 *
 * For programs; libraries read no environment.
 */
export function cacheFromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  dataDir = env.SPANLOOM_DATA_DIR || ".spanloom",
): CacheOptions {
  const { AWS_ACCESS_KEY_ID: accessKeyId, AWS_SECRET_ACCESS_KEY: secretAccessKey, AWS_SESSION_TOKEN } = env;
  if (!env.SPANLOOM_CACHE_URL) return { storage: new FolderStorage(resolve(dataDir, "cache")) };
  const url = URL.parse(env.SPANLOOM_CACHE_URL);
  const region = env.AWS_REGION || env.AWS_DEFAULT_REGION;
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  if (url?.protocol === "s3:") {
    if (region && !url.searchParams.has("region")) url.searchParams.set("region", region);
    if (endpoint && !url.searchParams.has("endpoint")) url.searchParams.set("endpoint", endpoint);
  }
  return {
    url: url?.href ?? env.SPANLOOM_CACHE_URL,
    ...(accessKeyId &&
      secretAccessKey && { credentials: { accessKeyId, secretAccessKey, sessionToken: AWS_SESSION_TOKEN } }),
  };
}

function refuse(url: string, why: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use cache.url "${url}": ${why}`, { field: "cache.url" });
}
