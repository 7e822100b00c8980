import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { IdGenerator, SpanloomError } from "@spanloom/protocol";
import { task } from "@spanloom/sdk";
import { TestS3, waitFor } from "@spanloom/testing";
import { createStorage } from "unstorage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { failureOf, outputOf, start } from "../testing/runner-harness.ts";
import { decodeKey, encodeKey } from "./cache-key.ts";
import { type CacheOptions, cacheFromEnvironment } from "./cache-options.ts";
import { JobCaches } from "./job-caches.ts";

const ids = new IdGenerator();
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
let folder: string;
let s3: TestS3;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), "spanloom-cache-"));
  s3 = await TestS3.start();
});
afterEach(async () => {
  await s3.stop();
  rmSync(folder, { recursive: true, force: true });
});

const s3Options = (): CacheOptions => ({
  url: `s3://${s3.bucket}/some/prefix?endpoint=${s3.endpoint}&region=eu-test-1`,
  credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: "secret" },
});
const storages: Readonly<Record<string, () => CacheOptions>> = {
  "a folder": () => ({ url: pathToFileURL(folder).href }),
  S3: s3Options,
  "a storage of unstorage": () => ({ storage: createStorage() }),
};

const oddKeys = [
  "plain",
  "Plain",
  "PLAIN",
  "..",
  "../../etc/passwd",
  "/absolute",
  "a/b",
  "a\\b",
  "a:b",
  "a",
  "a.",
  "a ",
  "con",
  "nul\0",
  "k_2e",
  "_",
  "ü😀",
  "x".repeat(256),
  "x".repeat(255),
  "x".repeat(200),
  `${"x".repeat(200)}y`,
  "Ä".repeat(128),
];

for (const [name, options] of Object.entries(storages))
  describe(`a cache in ${name}`, () => {
    it("gives back what was set, by any key, and mixes up none", async () => {
      const cache = new JobCaches(options()).of(ids.next());
      for (const key of oddKeys) await cache.set(key, bytes(`value of ${key}`));
      for (const key of oddKeys) {
        expect(new TextDecoder().decode(await cache.get(key))).toBe(`value of ${key}`);
        expect(await cache.has(key)).toBe(true);
      }
      expect(await cache.list()).toEqual([...oddKeys].sort());
      expect(await cache.list("a")).toEqual(["a", "a ", "a.", "a/b", "a:b", "a\\b"]);
    });

    it("has nothing under other keys, other jobs and deleted keys", async () => {
      const caches = new JobCaches(options());
      const cache = caches.of(ids.next());
      expect([await cache.get("a"), await cache.has("a"), await cache.list()]).toEqual([undefined, false, []]);
      await cache.delete("a");
      await cache.set("a", bytes("1"));
      await cache.set("a", bytes("2"));
      expect(await cache.get("a")).toEqual(bytes("2"));
      const other = caches.of(ids.next());
      expect([await other.get("a"), await other.list()]).toEqual([undefined, []]);
      await cache.delete("a");
      expect([await cache.get("a"), await cache.list()]).toEqual([undefined, []]);
    });

    it("keeps an empty value, and refuses one that is too large, by key", async () => {
      const cache = new JobCaches({ ...options(), maxValueBytes: 3 }).of(ids.next());
      await cache.set("empty", new Uint8Array());
      expect(await cache.get("empty")).toEqual(new Uint8Array());
      await expect(cache.set("big", bytes("1234"))).rejects.toThrow(
        'cannot set cache key "big": its value has 4 bytes, limit is 3',
      );
      await expect(cache.set("text", "no bytes" as never)).rejects.toThrow('cannot set cache key "text": its value is');
    });
  });

describe("a key", () => {
  it("is refused when it is empty, no text, not well formed or too long", async () => {
    for (const key of ["", 7 as never, "\ud800"]) expect(() => encodeKey(key)).toThrow("it must be well-formed text");
    expect(() => encodeKey("ü".repeat(129))).toThrow("it has 258 bytes, limit is 256");
    const cache = new JobCaches({ url: pathToFileURL(folder).href }).of(ids.next());
    await expect(cache.get("")).rejects.toMatchObject({ reason: "INVALID_FIELD" });
  });

  it("is written in lower case, in short parts, and read back", () => {
    for (const key of oddKeys) {
      const encoded = encodeKey(key);
      expect(encoded).toMatch(/^([dk][a-z0-9_-]{1,200}:?)+$/);
      expect(decodeKey(encoded)).toBe(key);
    }
    expect(decodeKey("t0000")).toBeUndefined();
    expect(() => new JobCaches({}).of("../other")).toThrow('job "../other"');
  });
});

describe("a folder", () => {
  it("shared by several runners never shows a part of a value", async () => {
    const jobId = ids.next();
    const url = pathToFileURL(folder).href;
    const [writer, reader] = [new JobCaches({ url }).of(jobId), new JobCaches({ url }).of(jobId)];
    const values = [1, 2].map((byte) => new Uint8Array(1_000_000).fill(byte));
    await writer.set("k", values[0]!);
    let writing = true;
    const writes = (async () => {
      for (let i = 0; i < 20; i++) await writer.set("k", values[i % 2]!);
      writing = false;
    })();
    while (writing) {
      const seen = (await reader.get("k"))!;
      expect(seen.length).toBe(1_000_000);
      expect(seen[0]).toBe(seen.at(-1));
    }
    await writes;
    expect(readdirSync(join(folder, jobId))).toEqual(["kk"]);
  });

  it("loses the jobs that nobody wrote to for the retention time when a runner starts, and nothing else", async () => {
    const [old, fresh] = [ids.next(), ids.next()];
    const caches = new JobCaches({ url: pathToFileURL(folder).href, retentionMs: 60_000 });
    for (const job of [old, fresh]) await caches.of(job).set("k", bytes("v"));
    writeFileSync(join(folder, "not-ours"), "");
    for (const name of [join(old, "kk"), old, "not-ours"]) utimesSync(join(folder, name), 1, 1);
    const lines: string[] = [];
    await caches.start(Date.now(), (line) => lines.push(line));
    await waitFor(() => lines.length > 0);
    expect(readdirSync(folder).sort()).toEqual([fresh, "not-ours"].sort());
    expect(lines).toEqual(["removed the caches of 1 jobs, unused for 60000 ms"]);
  });

  it("that cannot be used is an error that names key and cause", async () => {
    const file = join(folder, "file");
    writeFileSync(file, "");
    const cache = new JobCaches({ url: pathToFileURL(file).href }).of(ids.next());
    await expect(cache.set("k", bytes("v"))).rejects.toThrow(/^cannot set cache key "k": ENOTDIR/);
    await expect(cache.get("k")).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
  });
});

describe("S3", () => {
  it("is asked by path, below the prefix, with a signature", async () => {
    const jobId = ids.next();
    await new JobCaches(s3Options()).of(jobId).set("a/B", bytes("v"));
    expect(s3.requests).toEqual([`PUT /${s3.bucket}/some/prefix/${jobId}/ka_2f_42`]);
    expect([...s3.objects.keys()]).toEqual([`some/prefix/${jobId}/ka_2f_42`]);
  });

  it("is asked again when it is busy", async () => {
    const cache = new JobCaches(s3Options()).of(ids.next());
    s3.failures.push(503, 500);
    await cache.set("k", bytes("v"));
    expect(s3.requests).toHaveLength(3);
  });

  it("that refuses, or is away, is an error that names key and cause", async () => {
    const wrong = { ...s3Options(), credentials: { accessKeyId: "other", secretAccessKey: "secret" } };
    const refused = new JobCaches(wrong).of(ids.next()).get("k");
    await expect(refused).rejects.toThrow(/^cannot get cache key "k": GET \/\S+ was answered with 403 .*SignatureDoes/);
    await expect(refused).rejects.toMatchObject({ reason: "INVALID_STATE" });
    const none = { ...s3Options(), url: `s3://other-bucket?endpoint=${s3.endpoint}` };
    await expect(new JobCaches(none).of(ids.next()).set("k", bytes("v"))).rejects.toThrow('no bucket "other-bucket"');
    const away = { ...s3Options(), url: "s3://some-bucket?endpoint=http://127.0.0.1:9" };
    const lost = new JobCaches(away).of(ids.next()).get("k");
    await expect(lost).rejects.toMatchObject({ reason: "STORE_UNAVAILABLE" });
    await expect(lost).rejects.toThrow(/^cannot get cache key "k": fetch failed/);
  });
});

describe("options", () => {
  it.each([
    ["ftp://a", "it must begin with file:// or s3://"],
    ["nonsense", "it must begin with file:// or s3://"],
    ["file://host/share", "host"],
    ["s3://B", '"B" is no bucket'],
    ["s3://bucket/a%20b", "its prefix may hold"],
    ["s3://bucket?zone=1", 'unknown parameter "zone"'],
    ["s3://bucket?endpoint=host:80", "its endpoint is no http(s) URL"],
    ["s3://bucket", "credentials are missing; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"],
  ])("are refused by name: %s", (url, why) => {
    expect(() => new JobCaches({ url })).toThrow(SpanloomError);
    expect(() => new JobCaches({ url })).toThrow(why);
  });

  it("never quote a password that was put into the URL", () => {
    expect(() => new JobCaches({ url: "s3://me:hunter2@bucket" })).toThrow(/^(?!.*hunter2).*must not hold credentials/);
  });

  it("come from the environment, by the names that AWS gave them", async () => {
    const env = {
      SPANLOOM_CACHE_URL: `s3://${s3.bucket}`,
      AWS_ACCESS_KEY_ID: s3.accessKeyId,
      AWS_SECRET_ACCESS_KEY: "secret",
      AWS_REGION: "eu-test-1",
      AWS_ENDPOINT_URL_S3: s3.endpoint,
    };
    await new JobCaches(cacheFromEnvironment(env)).of(ids.next()).set("k", bytes("v"));
    expect(s3.objects.size).toBe(1);
    const jobId = ids.next();
    await new JobCaches(cacheFromEnvironment({}, folder)).of(jobId).set("k", bytes("v"));
    expect(readdirSync(join(folder, "cache", jobId))).toEqual(["kk"]);
  });
});

describe("a task", () => {
  it("finds in its second attempt what the first one cached", async () => {
    const costly = task({
      name: "costly",
      run: async (_: undefined, { cache, attempt }) => {
        const known = await cache.get("result");
        if (known) return `attempt ${attempt} found ${new TextDecoder().decode(known)}`;
        await cache.set("result", bytes("42"));
        throw new Error("after the costly part");
      },
    });
    const { server } = await start([costly], { cache: { url: pathToFileURL(folder).href } });
    const jobId = ids.next();
    const first = server.push("costly", undefined, { jobId });
    expect(failureOf(await server.resultOf(first)).message).toBe("after the costly part");
    const second = server.push("costly", undefined, { jobId, attempt: 2 });
    expect(outputOf(await server.resultOf(second))).toBe("attempt 2 found 42");
    expect(failureOf(await server.resultOf(server.push("costly"))).message).toBe("after the costly part");
  });
});
