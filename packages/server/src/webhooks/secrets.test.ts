import { randomBytes } from "node:crypto";
import { describe, expect, it } from "vitest";
import { readSecrets } from "./read-secrets.ts";
import { openSecret, sealSecret } from "./sealed-secret.ts";
import { parseSecretKeys } from "./secret-key.ts";
import { testWebhook } from "./testing/test-webhook.ts";

const hexKey = "0123456789abcdef".repeat(4);
const otherKey = Buffer.alloc(32, 7).toString("base64");
const keys = parseSecretKeys("SPANLOOM_SECRET_KEY", hexKey);
const [key] = keys;
const text = (bytes: readonly Uint8Array[]) => bytes.map((each) => Buffer.from(each).toString());

describe("SPANLOOM_SECRET_KEY", () => {
  it("is 32 bytes as hex, base64 or base64url, one or several", () => {
    const url = Buffer.alloc(32, 0xfb);
    const text = `${hexKey}, ${url.toString("base64")},${otherKey}`;
    const parsed = parseSecretKeys("x", text);
    expect(parsed.map(({ bytes }) => Buffer.from(bytes).toString("hex"))).toEqual([
      hexKey,
      url.toString("hex"),
      "07".repeat(32),
    ]);
    expect(parseSecretKeys("x", url.toString("base64url"))[0]).toEqual(parsed[1]);
    expect(new Set(parsed.map(({ id }) => id)).size).toBe(3);
  });

  it.each(["", "short", "00".repeat(31), `${"0".repeat(63)}g`, `${hexKey},`, Buffer.alloc(33).toString("base64")])(
    "is refused as %j, by name and without a quote",
    (text) => {
      expect(() => parseSecretKeys("SPANLOOM_SECRET_KEY", text)).toThrow(
        /^cannot use SPANLOOM_SECRET_KEY: key [12] must be 32 bytes, as 64 hex digits or 44 characters of base64$/,
      );
    },
  );

  it("is refused when a key is in it twice", () => {
    const twice = `${hexKey},${Buffer.from(hexKey, "hex").toString("base64")}`;
    expect(() => parseSecretKeys("SPANLOOM_SECRET_KEY", twice)).toThrow("the same key twice");
  });
});

describe("sealed secrets", () => {
  it("open to what was sealed, and show nothing of it", () => {
    const sealed = sealSecret(key!, "orders", "grüße, whsec_1", randomBytes);
    expect(openSecret(keys, "orders", sealed)).toEqual({ secret: "grüße, whsec_1" });
    expect(Buffer.from(sealed.split(".").at(-1)!, "base64url").toString("latin1")).not.toContain("whsec");
    expect(sealed).not.toContain(Buffer.from("whsec").toString("base64url").slice(0, 5));
  });

  it("differ each time, so that equal secrets cannot be told", () => {
    const [a, b] = [1, 2].map(() => sealSecret(key!, "orders", "same", randomBytes).split("."));
    expect(a!.slice(0, 2)).toEqual(b!.slice(0, 2));
    for (const i of [2, 3, 4]) expect(a![i]).not.toBe(b![i]);
  });

  it("do not open for another webhook", () => {
    const sealed = sealSecret(key!, "orders", "secret", randomBytes);
    expect(openSecret(keys, "order", sealed)).toEqual({ why: "it was changed, or sealed for another webhook" });
  });

  it("do not open when any of their bytes was changed", () => {
    const parts = sealSecret(key!, "orders", "secret", randomBytes).split(".");
    for (const i of [2, 3, 4]) {
      const bytes = Buffer.from(parts[i]!, "base64url");
      for (let at = 0; at < bytes.length; at++) {
        const changed = Buffer.from(bytes);
        changed[at]! ^= 1;
        const text = parts.with(i, changed.toString("base64url")).join(".");
        expect(openSecret(keys, "orders", text)).toEqual({ why: "it was changed, or sealed for another webhook" });
      }
    }
  });

  it("do not open when their tag was cut", () => {
    const parts = sealSecret(key!, "orders", "secret", randomBytes).split(".");
    for (const length of [0, 4, 12, 15, 20]) {
      const cut = Buffer.from(parts[4]!, "base64url").subarray(0, length);
      expect(openSecret(keys, "orders", parts.with(4, cut.toString("base64url")).join("."))).toHaveProperty("why");
    }
  });

  it("open while their key is still among others, and name it when it is gone", () => {
    const old = sealSecret(key!, "orders", "secret", randomBytes);
    const rotated = parseSecretKeys("x", `${otherKey},${hexKey}`);
    expect(openSecret(rotated, "orders", old)).toEqual({ secret: "secret" });
    expect(openSecret(rotated.slice(0, 1), "orders", old)).toEqual({
      why: `no key in SPANLOOM_SECRET_KEY is the one it was sealed with, ${key!.id}`,
    });
    expect(openSecret([], "orders", old)).toEqual({ why: "the server has no key; set SPANLOOM_SECRET_KEY" });
  });

  it.each(["", "secret", "v2.a.b.c.d", "v1.a.b.c", "v1.a.b.c.d.e"])("are not %j", (sealed) => {
    expect(openSecret(keys, "orders", sealed)).toEqual({ why: "it is not a sealed secret" });
  });
});

describe("secrets of a webhook", () => {
  const sources = { keys, environment: (name: string) => ({ HOOK: "from the environment", EMPTY: "" })[name] };
  const sealed = sealSecret(key!, "orders", "from the store", randomBytes);

  it("come from the environment and from what is sealed", () => {
    const webhook = testWebhook({ name: "orders", secrets: [{ env: "HOOK" }, { sealed }] });
    const { secrets, problems } = readSecrets(webhook, sources);
    expect([text(secrets), problems]).toEqual([["from the environment", "from the store"], []]);
  });

  it("are left out when they cannot be read, by name and reason", () => {
    const webhook = testWebhook({
      name: "orders",
      secrets: [{ env: "GONE" }, { env: "EMPTY" }, { env: "HOOK" }, { sealed: `${sealed.slice(0, -1)}` }],
    });
    const { secrets, problems } = readSecrets(webhook, sources);
    expect(text(secrets)).toEqual(["from the environment"]);
    expect(problems).toEqual([
      "secret 1 cannot be used: the server's environment has no GONE",
      "secret 2 cannot be used: the server's environment has no EMPTY",
      expect.stringMatching(/^secret 4 cannot be used: it was changed/),
    ]);
  });

  it("are left out when they are too short to be secret", () => {
    const webhook = testWebhook({ secrets: [{ env: "SHORT" }] });
    const { secrets, problems } = readSecrets(webhook, { keys, environment: () => "1234567" });
    expect([secrets, problems]).toEqual([[], ["secret 1 cannot be used: it has 7 bytes, fewer than 8"]]);
  });

  it("may stand for bytes, as hex or base64", () => {
    const read = (secretEncoding: "hex" | "base64", value: string) =>
      readSecrets(testWebhook({ hmac: { secretEncoding }, secrets: [{ env: "X" }] }), {
        keys,
        environment: () => value,
      });
    expect(text(read("hex", Buffer.from("a secret").toString("hex")).secrets)).toEqual(["a secret"]);
    const base64 = Buffer.from("a secret").toString("base64");
    expect(text(read("base64", base64).secrets)).toEqual(["a secret"]);
    expect(text(read("base64", `whsec_${base64}`).secrets)).toEqual(["a secret"]);
    expect(read("hex", "no hex at all").problems).toEqual(["secret 1 cannot be used: it is not hex"]);
    expect(read("base64", "no base64!").problems).toEqual(["secret 1 cannot be used: it is not base64"]);
  });
});
