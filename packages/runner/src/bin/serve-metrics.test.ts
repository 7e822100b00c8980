import { expect, it } from "vitest";
import { serveMetrics } from "./serve-metrics.ts";

it("serves metrics at /metrics and nothing else", async () => {
  const lines: string[] = [];
  let fails = false;
  const write = async () => {
    if (fails) throw new Error("broken");
    return "a 1\n";
  };
  const server = await serveMetrics({ host: "127.0.0.1", port: 0 }, write, (line) => void lines.push(line));
  const answer = await fetch(server.url);
  expect([answer.status, answer.headers.get("content-type"), await answer.text()]).toEqual([
    200,
    "text/plain; version=0.0.4; charset=utf-8",
    "a 1\n",
  ]);
  expect((await fetch(server.url.replace("/metrics", "/other"))).status).toBe(404);
  expect((await fetch(server.url, { method: "POST" })).status).toBe(404);
  fails = true;
  expect((await fetch(server.url)).status).toBe(500);
  expect(lines).toEqual([expect.stringContaining("cannot write metrics: Error: broken")]);
  await server.stop();
  await server.stop();
  await expect(fetch(server.url)).rejects.toThrow();
});
