import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect as connectHttp2 } from "node:http2";
import { request } from "node:https";
import { connect as connectTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from "node:tls";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { JobService, JobState } from "@spanloom/protocol";
import { testCertificates, waitFor } from "@spanloom/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { serveStubs, storeStub } from "../rpc/testing/stubs.ts";
import type { ServerParts } from "../serve.ts";

const [one, two] = testCertificates;
let folder: string;
const stops: (() => unknown)[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "spanloom-tls-"));
});
afterEach(async () => {
  for (const stop of stops.splice(0).reverse()) await stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Writes a pair of files and gives their names. */
function files(cert: string, key: string) {
  const tls = { certFile: join(folder, "cert.pem"), keyFile: join(folder, "key.pem") };
  writeFileSync(tls.certFile, cert);
  writeFileSync(tls.keyFile, key);
  return tls;
}

async function serveTls(parts: Partial<ServerParts> = {}) {
  const store = storeStub({ countJobs: async () => new Map([[JobState.RUNNING, 3]]) });
  const server = await serveStubs({ store, tls: files(one.cert, one.key), graceMs: 500, ...parts });
  stops.push(() => server.stop());
  return server;
}

async function shakeHands(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  const socket = connectTls({ port, host: "127.0.0.1", ca: one.cert, ...options });
  stops.push(() => socket.destroy());
  await once(socket, "secureConnect");
  return socket;
}

describe("a server with a certificate", () => {
  it.each([
    ["Connect over HTTP/1.1", "1.1", createConnectTransport],
    ["Connect over HTTP/2", "2", createConnectTransport],
    ["gRPC", "2", createGrpcTransport],
  ] as const)("serves %s on its one port", async (_, httpVersion, make) => {
    const server = await serveTls();
    expect(server.url).toMatch(/^https:/);
    const transport = make({ baseUrl: server.url, httpVersion: httpVersion as "2", nodeOptions: { ca: one.cert } });
    const answer = await createClient(JobService, transport).countJobs({});
    expect(answer.counts).toMatchObject([{ count: 3n }]);
  });

  it("chooses the protocol by ALPN, and HTTP/1.1 for a client that asks for none", async () => {
    const { port } = await serveTls();
    const asked = async (ALPNProtocols: string[]) => (await shakeHands(port, { ALPNProtocols })).alpnProtocol;
    expect(await asked(["h2", "http/1.1"])).toBe("h2");
    expect(await asked(["http/1.1"])).toBe("http/1.1");
    const plain = await shakeHands(port, {});
    plain.end("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    let text = "";
    for await (const chunk of plain) text += chunk;
    expect(text).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok\n$/);
  });

  it("speaks TLS 1.2 and later only", async () => {
    const { port } = await serveTls();
    expect((await shakeHands(port, { maxVersion: "TLSv1.2" })).getProtocol()).toBe("TLSv1.2");
    const old = { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: "DEFAULT:@SECLEVEL=0" } as const;
    await expect(shakeHands(port, old)).rejects.toThrow(/protocol version|unsupported protocol/i);
  });

  it("closes a connection without TLS, and goes on", async () => {
    const { port } = await serveTls();
    const socket = connectTcp(port, "127.0.0.1");
    socket.on("error", () => {}).resume();
    socket.write("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(socket, "close");
    await shakeHands(port, {});
  });

  it("stops while connections are open, idle or in the middle of a handshake", async () => {
    const server = await serveTls({ graceMs: 600_000 });
    const silent = connectTcp(server.port, "127.0.0.1");
    silent.on("error", () => {}).resume();
    await once(silent, "connect");
    const session = connectHttp2(server.url, { ca: one.cert });
    session.on("error", () => {});
    await once(session, "remoteSettings");
    const idle = await shakeHands(server.port, {});
    idle.on("error", () => {}).resume();
    idle.write("GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n");
    await once(idle, "data");
    await server.stop();
  });
});

describe("the certificate's files", () => {
  const subject = async (port: number): Promise<string> => {
    const socket = await shakeHands(port, { rejectUnauthorized: false });
    return String(socket.getPeerCertificate().subject.CN);
  };

  it("are read again when they change, for new connections", async () => {
    const server = await serveTls();
    const kept = await shakeHands(server.port, {});
    expect(await subject(server.port)).toBe("spanloom test one");
    files(two.cert, two.key);
    server.reload();
    expect(await subject(server.port)).toBe("spanloom test two");
    kept.end("GET /healthz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(String((await once(kept, "data"))[0])).toContain("200 OK");
  });

  it("are noticed without being told", async () => {
    const server = await serveTls();
    files(two.cert, two.key);
    await waitFor(() => server.log.includes("read the certificate and key again"));
    expect(await subject(server.port)).toBe("spanloom test two");
  });

  it("keep serving as they were when the new ones are broken", async () => {
    const server = await serveTls();
    files(two.cert, one.key);
    server.reload();
    expect(await subject(server.port)).toBe("spanloom test one");
    expect(server.log.join("\n")).toMatch(/is the key of another certificate; keeping the certificate and key read/);
  });

  it.each([
    ["the certificate is no PEM", "nonsense", one.key, /"\S+cert.pem": it holds no certificate in PEM/],
    ["the key is no PEM", one.cert, "nonsense", /"\S+key.pem": it holds no private key in PEM/],
    ["they do not match", one.cert, two.key, /"\S+cert.pem": "\S+key.pem" is the key of another certificate/],
  ])("keep the server from starting when %s", async (_, cert, key, message) => {
    await expect(serveStubs({ tls: files(cert, key) })).rejects.toThrow(message);
  });

  it("keep the server from starting when one is missing", async () => {
    const tls = { ...files(one.cert, one.key), keyFile: join(folder, "none.pem") };
    await expect(serveStubs({ tls })).rejects.toThrow(/cannot read the certificate and key in "\S+none.pem": ENOENT/);
  });
});

describe("tokens of a file", () => {
  it("are asked for by every call but health, and those revoked are refused at once", async () => {
    const { createToken } = await import("./token-file.ts");
    const path = join(folder, "tokens");
    const ci = createToken({ path, name: "ci", scope: "read" });
    const server = await serveTls({ tokensFile: path, token: "full" });
    const status = (route: string, token?: string) =>
      new Promise<number | undefined>((resolve, reject) => {
        const headers = { "content-type": "application/json", ...(token && { authorization: `Bearer ${token}` }) };
        const method = route.startsWith("/healthz") ? "GET" : "POST";
        const call = request(server.url + route, { ca: one.cert, method, headers, agent: false }, (answer) => {
          answer.resume().on("end", () => resolve(answer.statusCode));
        });
        call.on("error", reject).end(method === "POST" ? "{}" : undefined);
      });
    const count = "/spanloom.v1.JobService/CountJobs";
    const submit = "/spanloom.v1.JobService/SubmitJob";
    expect(await status("/healthz")).toBe(200);
    expect([await status(count), await status("/v1/traces")]).toEqual([401, 401]);
    expect([await status(count, ci), await status(submit, ci), await status("/v1/traces", ci)]).toEqual([
      200, 403, 403,
    ]);
    expect([await status(count, "full"), await status("/v1/traces", "full")]).toEqual([200, 200]);
    writeFileSync(path, "");
    server.reload();
    expect([await status(count, ci), await status(count, "full")]).toEqual([401, 200]);
  });
});
