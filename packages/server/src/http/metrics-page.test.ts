import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { JobService, SpanloomError } from "@spanloom/protocol";
import { describe, expect, it } from "vitest";
import { serveStubs, storeStub } from "../rpc/testing/stubs.ts";

/** The lines of a page that have a value, without those of buckets. */
async function readMetrics(url: string): Promise<string[]> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return text.split("\n").filter((line) => line !== "" && !/^#|_bucket\{/.test(line));
}

describe("GET /metrics", () => {
  it("shows the server's figures in Prometheus' text, with static tags", async () => {
    await using server = await serveStubs({ metrics: { tags: { team: "a" }, resource: { "service.name": "mine" } } });
    const response = await fetch(`${server.url}/metrics`);
    expect(response.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await response.text()).toMatch(/^target_info\{service_name="mine",service_version="[^"]+",.*team="a"\} 1$/m);
    expect(await readMetrics(server.url)).toContain('spanloom_spool_size_bytes{team="a"} 0');
  });

  it("counts calls by how they were made and how they ended", async () => {
    const store = storeStub({
      countJobs: async () => new Map(),
      getJobs: async () => {
        throw new SpanloomError("OVERLOADED", "cannot read jobs: the disk is full");
      },
    });
    await using server = await serveStubs({ store });
    const connect = createClient(JobService, createConnectTransport({ baseUrl: server.url, httpVersion: "1.1" }));
    const grpc = createClient(JobService, createGrpcTransport({ baseUrl: server.url }));
    for (const client of [connect, grpc]) {
      await client.countJobs({});
      await client.countJobs({});
      await expect(client.getJob({ jobId: "no uuid" })).rejects.toThrow("no uuid");
    }
    const calls = (await readMetrics(server.url)).filter((line) =>
      line.startsWith("rpc_server_call_duration_seconds_count"),
    );
    const expected = ["connectrpc", "grpc"].flatMap((system) => [
      `{rpc_system_name="${system}",rpc_method="spanloom.v1.JobService/CountJobs",rpc_response_status_code="OK"} 2`,
      `{rpc_system_name="${system}",rpc_method="spanloom.v1.JobService/GetJob",rpc_response_status_code="INVALID_ARGUMENT"} 1`,
    ]);
    expect(calls).toEqual(expected.map((labels) => `rpc_server_call_duration_seconds_count${labels}`));
  });

  it("counts calls that are refused before they are read", async () => {
    await using server = await serveStubs({ token: "t", metrics: { isPublic: true } });
    const connect = createClient(JobService, createConnectTransport({ baseUrl: server.url, httpVersion: "2" }));
    const grpc = createClient(JobService, createGrpcTransport({ baseUrl: server.url }));
    for (const client of [connect, grpc]) await expect(client.countJobs({})).rejects.toThrow("bearer token");
    const lines = await readMetrics(server.url);
    for (const system of ["connectrpc", "grpc"])
      expect(lines).toContain(
        `rpc_server_call_duration_seconds_count{rpc_system_name="${system}",rpc_method="spanloom.v1.JobService/CountJobs",rpc_response_status_code="UNAUTHENTICATED"} 1`,
      );
  });

  it("needs a token of scope read where there are tokens, unless it is public", async () => {
    await using server = await serveStubs({ token: "all" });
    expect((await fetch(`${server.url}/metrics`)).status).toBe(401);
    const ok = await fetch(`${server.url}/metrics`, { headers: { authorization: "Bearer all" } });
    expect(ok.status).toBe(200);
    await using open = await serveStubs({ token: "all", metrics: { isPublic: true } });
    expect((await fetch(`${open.url}/metrics`)).status).toBe(200);
  });

  it("is read and nothing else", async () => {
    await using server = await serveStubs();
    expect((await fetch(`${server.url}/metrics`, { method: "POST", body: "x" })).status).toBe(405);
    expect(await (await fetch(`${server.url}/metrics`, { method: "HEAD" })).text()).toBe("");
  });
});
