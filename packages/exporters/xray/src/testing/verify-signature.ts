import { createHash, createHmac } from "node:crypto";
import type { RecordedRequest } from "@spanloom/testing";

/**
 * What is wrong with a request's signature, worked out from AWS's description of Signature Version 4 rather than by its
 * signer; undefined when it is right.
 */
export function signatureProblem({ path, headers, body }: RecordedRequest, secret: string): string | undefined {
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/([^/]+)\/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})$/.exec(
      headers.authorization ?? "",
    );
  if (!match) return `authorization is ${headers.authorization}`;
  const [, , day, region, service, names, signature] = match as unknown as string[];
  if (service !== (path.endsWith("/v1/logs") ? "logs" : "xray")) return `it is signed for ${service}`;
  const signed = names!.split(";");
  for (const needed of ["host", "x-amz-date", "content-type"])
    if (!signed.includes(needed)) return `${needed} is not signed`;
  const canonical = [
    "POST",
    path,
    "",
    ...signed.map((name) => `${name}:${String(headers[name]).trim()}`),
    "",
    names,
    createHash("sha256").update(body).digest("hex"),
  ].join("\n");
  const scope = `${day}/${region}/${service}/aws4_request`;
  const text = ["AWS4-HMAC-SHA256", headers["x-amz-date"], scope, createHash("sha256").update(canonical).digest("hex")];
  const key = [day, region, service, "aws4_request"].reduce<string | Buffer>(
    (from, part) => createHmac("sha256", from).update(part!).digest(),
    `AWS4${secret}`,
  );
  const expected = createHmac("sha256", key).update(text.join("\n")).digest("hex");
  return expected === signature ? undefined : `the signature is ${signature}, not ${expected}`;
}
