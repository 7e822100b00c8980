import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { OtlpPeer, peerBackend, sampleTraces, status, tempDir, testOtlpExporter, testReadme } from "@spanloom/testing";
import { describe, expect, it, vi } from "vitest";
import type { GoogleCredentials } from "./config.ts";
import { googleCloudTraceVariables } from "./config.ts";
import { exporterFromEnv } from "./exporter.ts";
import * as module from "./index.ts";

const credentials: GoogleCredentials = {
  getProjectId: async () => "of-the-machine",
  getRequestHeaders: async () => new Headers({ authorization: "Bearer ya29-secret" }),
};
const headers = { authorization: "Bearer ya29-secret", "x-goog-user-project": "jobs-1", "content-encoding": "gzip" };

testOtlpExporter("exporter-google-cloud-trace", {
  make: (endpoint, options) =>
    exporterFromEnv({ GOOGLE_CLOUD_PROJECT: "jobs-1" }, { endpoint, ...options, credentials }),
  rules: { encoding: "protobuf", headers: { traces: headers, logs: {} } },
  logs: false,
  secrets: ["ya29-secret"],
  resourceAttributes: { "gcp.project_id": "jobs-1" },
});

const projectOf = (peer: OtlpPeer) =>
  peer.traces.map(({ resourceSpans }) =>
    resourceSpans.map(
      ({ resource }) => resource?.attributes.find(({ key }) => key === "gcp.project_id")?.value?.value.value,
    ),
  );

describe("exporter-google-cloud-trace", () => {
  it("sends to Google's Telemetry API", () => {
    const exporter = exporterFromEnv({ GCLOUD_PROJECT: "p" }, { credentials });
    expect(exporter.destination).toBe("https://telemetry.googleapis.com/v1/traces p");
  });

  it("asks once for the project that it is not told, and tries again later when it cannot be had", async () => {
    await using peer = await new OtlpPeer({
      headers: { traces: { "x-goog-user-project": "found" }, logs: {} },
    }).start();
    const answers = [() => Promise.reject(new Error("no metadata server")), () => Promise.resolve("found")];
    const getProjectId = () => answers.shift()!();
    const exporter = exporterFromEnv({}, { endpoint: peer.url, credentials: { ...credentials, getProjectId } });
    const batch = sampleTraces("a");
    expect(await exporter.export(batch)).toMatchObject({
      outcome: "retry",
      message: expect.stringContaining("no metadata server"),
    });
    peer.answers.push(status(413), "take", status(503));
    const several = sampleTraces("b", "c");
    expect(await exporter.export(several)).toMatchObject({ outcome: "retry" });
    expect(await exporter.export(several)).toEqual({ outcome: "exported" });
    expect(await exporter.export(batch)).toEqual({ outcome: "exported" });
    await exporter.shutdown();
    expect(peer).toMatchObject({ spanNames: ["b", "c", "a"], violations: [] });
    expect(projectOf(peer)).toEqual([["found"], ["found"], ["found"]]);
  });

  it("does not wait for ever for the project", async () => {
    const getProjectId = () => new Promise<string>(() => undefined);
    const slow = exporterFromEnv({}, { timeoutMs: 20, credentials: { ...credentials, getProjectId } });
    expect(await slow.export(sampleTraces("a"))).toMatchObject({ outcome: "retry" });
    await slow.shutdown();
    const closed = exporterFromEnv({}, { credentials: { ...credentials, getProjectId } });
    const underWay = closed.export(sampleTraces("a"));
    await closed.shutdown();
    expect(await underWay).toMatchObject({ outcome: "retry" });
  });

  it("takes application default credentials by Google's own library", async () => {
    await using peer = await new OtlpPeer({
      headers: { traces: { authorization: "Bearer exchanged", "x-goog-user-project": "jobs-1" }, logs: {} },
    }).start();
    await using tokens = await tokenServer("exchanged");
    using folder = tempDir();
    writeFileSync(join(folder.path, "subject"), "machine-token");
    const keyFile = join(folder.path, "credentials.json");
    writeFileSync(
      keyFile,
      JSON.stringify({
        type: "external_account",
        audience: "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/q",
        subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
        token_url: tokens.url,
        credential_source: { file: join(folder.path, "subject") },
      }),
    );
    // Google's library reads the process's environment, and takes no other.
    vi.stubEnv("GOOGLE_APPLICATION_CREDENTIALS", keyFile);
    vi.stubEnv("GOOGLE_CLOUD_PROJECT", "jobs-1");
    const exporter = exporterFromEnv({ GOOGLE_CLOUD_PROJECT: "jobs-1" }, { endpoint: peer.url });
    expect(await exporter.export(sampleTraces("a"))).toEqual({ outcome: "exported" });
    await exporter.shutdown();
    vi.unstubAllEnvs();
    expect(peer).toMatchObject({ spanNames: ["a"], violations: [] });
    expect(tokens.bodies).toEqual([expect.stringContaining("subject_token=machine-token")]);
  });
});

/** An endpoint that exchanges any token for another. */
async function tokenServer(token: string): Promise<AsyncDisposable & { url: string; bodies: string[] }> {
  const bodies: string[] = [];
  const server = createServer(async (request, response) => {
    let body = "";
    for await (const piece of request) body += String(piece);
    bodies.push(body);
    const answer = {
      access_token: token,
      expires_in: 3_600,
      token_type: "Bearer",
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
    };
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(answer));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/token`,
    bodies,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

testReadme("exporter-google-cloud-trace", {
  folder: join(import.meta.dirname, ".."),
  module,
  variables: googleCloudTraceVariables,
  others: ["GOOGLE_APPLICATION_CREDENTIALS"],
  env: { GOOGLE_CLOUD_PROJECT: "jobs-1" },
  backend: () =>
    peerBackend(
      { headers: { traces: { authorization: "Bearer ya29-secret", "x-goog-user-project": "jobs-1" }, logs: {} } },
      { credentials },
    ),
});
