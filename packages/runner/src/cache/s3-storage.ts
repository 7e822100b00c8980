import { SpanloomError } from "@spanloom/protocol";
import type { AwsClient } from "aws4fetch";
import type { CacheStorage } from "./cache-storage.ts";

/** Who may use a bucket. */
export interface S3Credentials {
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/** A place in an S3-compatible store. */
export interface S3Location {
  /** Base URL, e.g. `https://s3.eu-central-1.amazonaws.com`. */
  endpoint: string;
  bucket: string;
  /** Before every key, with a slash at its end, or empty. */
  prefix: string;
  region: string;
}

/** How long one request may take; values are bounded, so this is a slow line. */
const REQUEST_MS = 60_000;
/** Tries of a request that the store answers with 429 or 5xx. */
const RETRIES = 4;

/** Objects of a bucket, by path-style requests that are signed with AWS Signature Version 4. */
export class S3Storage implements CacheStorage {
  readonly #location: S3Location;
  readonly #credentials: S3Credentials;
  #client: Promise<AwsClient> | undefined;

  constructor(location: S3Location, credentials: S3Credentials) {
    this.#location = location;
    this.#credentials = credentials;
  }

  /** Loads what signs requests. Errors: INVALID_STATE when it is not installed. */
  async load(): Promise<void> {
    this.#client ??= loadClient(this.#credentials, this.#location.region);
    await this.#client;
  }

  async getItemRaw(key: string): Promise<ArrayBuffer | null> {
    const answer = await this.#send("GET", this.#url(key));
    return answer ? answer.arrayBuffer() : null;
  }

  async setItemRaw(key: string, bytes: Uint8Array): Promise<void> {
    const answer = await this.#send("PUT", this.#url(key), bytes as Uint8Array<ArrayBuffer>);
    if (!answer) throw new Error(`there is no bucket "${this.#location.bucket}" at ${this.#location.endpoint}`);
    await answer.body?.cancel();
  }

  async hasItem(key: string): Promise<boolean> {
    return (await this.#send("HEAD", this.#url(key))) !== undefined;
  }

  async getKeys(base: string): Promise<string[]> {
    const { endpoint, bucket, prefix } = this.#location;
    const keys: string[] = [];
    let token: string | undefined;
    do {
      const url = new URL(`${endpoint}/${bucket}`);
      url.searchParams.set("list-type", "2");
      url.searchParams.set("prefix", `${prefix}${toPath(base)}/`);
      if (token !== undefined) url.searchParams.set("continuation-token", token);
      const text = (await (await this.#send("GET", url.href))?.text()) ?? "";
      // Keys hold no character that XML would escape, as neither prefixes nor encoded keys do.
      for (const [, key = ""] of text.matchAll(/<Key>([^<]*)<\/Key>/g))
        keys.push(key.slice(prefix.length).replaceAll("/", ":"));
      token = unescapeXml(/<NextContinuationToken>([^<]+)</.exec(text)?.[1]);
    } while (token !== undefined);
    return keys;
  }

  async removeItem(key: string): Promise<void> {
    await (await this.#send("DELETE", this.#url(key)))?.body?.cancel();
  }

  #url(key: string): string {
    const { endpoint, bucket, prefix } = this.#location;
    return `${endpoint}/${bucket}/${prefix}${toPath(key)}`;
  }

  /** The answer; undefined for 404. */
  async #send(method: string, url: string, body?: Uint8Array<ArrayBuffer>): Promise<Response | undefined> {
    await this.load();
    const client = (await this.#client) as AwsClient;
    const signal = AbortSignal.timeout(REQUEST_MS);
    const answer = await client.fetch(url, { method, signal, ...(body && { body }) });
    if (answer.ok) return answer;
    const why = (await answer.text()).slice(0, 500);
    if (answer.status === 404) return undefined;
    const message = `${method} ${new URL(url).pathname} was answered with ${answer.status} ${answer.statusText} ${why}`;
    const reason = answer.status === 429 || answer.status >= 500 ? "STORE_UNAVAILABLE" : "INVALID_STATE";
    throw new SpanloomError(reason, message.trim());
  }
}

async function loadClient(credentials: S3Credentials, region: string): Promise<AwsClient> {
  try {
    const { AwsClient } = await import("aws4fetch");
    const { sessionToken, ...key } = credentials;
    return new AwsClient({ ...key, ...(sessionToken && { sessionToken }), service: "s3", region, retries: RETRIES });
  } catch (cause) {
    const message = "cannot use a cache in S3: the package aws4fetch is missing; install it beside @spanloom/runner";
    throw new SpanloomError("INVALID_STATE", message, {}, { cause });
  }
}

function toPath(key: string): string {
  return key.replaceAll(":", "/");
}

function unescapeXml(text: string | undefined): string | undefined {
  const chars: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
  return text?.replace(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => chars[name] as string);
}
