import { createHash, createHmac, type Hash, type Hmac } from "node:crypto";
import { defaultProvider } from "@aws-sdk/credential-provider-node";
import { SignatureV4 } from "@smithy/signature-v4";
import type { HashConstructor, SourceData } from "@smithy/types";
import type { OutgoingRequest } from "@spanloom/exporter/otlp";
import type { XrayOptions } from "./config.ts";

/**
 * Signs requests with AWS's Signature Version 4, by the AWS SDK's own signer and credentials.
 *
 * Traces are signed for the service `xray`, log records for `logs`: the path tells which.
 */
export function requestSigner(
  region: string,
  credentials: NonNullable<XrayOptions["credentials"]> = defaultProvider(),
): (request: OutgoingRequest) => Promise<Readonly<Record<string, string>>> {
  const signers = {
    xray: new SignatureV4({ service: "xray", region, credentials, sha256: Sha256 }),
    logs: new SignatureV4({ service: "logs", region, credentials, sha256: Sha256 }),
  };
  return async ({ url, method, headers, body }) => {
    const signed = await signers[url.pathname.endsWith("/v1/logs") ? "logs" : "xray"].sign({
      method,
      protocol: url.protocol,
      hostname: url.hostname,
      ...(url.port !== "" && { port: Number(url.port) }),
      path: url.pathname,
      query: {},
      headers: { ...headers, host: url.host },
      body,
    });
    return signed.headers;
  };
}

/** SHA-256 as the signer asks for it, over Node's own. */
const Sha256: HashConstructor = class {
  readonly #secret: SourceData | undefined;
  #hash: Hash | Hmac;

  constructor(secret?: SourceData) {
    this.#secret = secret;
    this.#hash = newHash(secret);
  }

  update(data: SourceData): void {
    this.#hash.update(bytesOf(data));
  }

  async digest(): Promise<Uint8Array> {
    return this.#hash.digest();
  }

  reset(): void {
    this.#hash = newHash(this.#secret);
  }
};

function newHash(secret: SourceData | undefined): Hash | Hmac {
  return secret === undefined ? createHash("sha256") : createHmac("sha256", bytesOf(secret));
}

function bytesOf(data: SourceData): string | Uint8Array {
  if (typeof data === "string") return data;
  return ArrayBuffer.isView(data)
    ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
    : new Uint8Array(data);
}
