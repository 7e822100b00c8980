import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { QueryService } from "@spanloom/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { serveStubs, telemetryStub } from "../rpc/testing/stubs.ts";
import type { RunningServer } from "../serve.ts";
import { parseOrigins } from "./cors.ts";

const APP = "https://app.example";
const QUERY = "/spanloom.v1.QueryService/QuerySpans";

let server: RunningServer | undefined;
afterEach(() => server?.stop());

async function serving(corsOrigins?: string[]): Promise<string> {
  server = await serveStubs({ telemetry: telemetryStub(), token: "t", ...(corsOrigins && { corsOrigins }) });
  return server.url;
}

const preflight = (url: string, origin: string) =>
  fetch(url + QUERY, {
    method: "OPTIONS",
    headers: {
      origin,
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,connect-protocol-version,content-type",
    },
  });

const allowed = ({ headers }: Response) => headers.get("access-control-allow-origin");

describe("pages of other origins", () => {
  it("may call when theirs is allowed, with the headers they ask for and no token before", async () => {
    const answer = await preflight(await serving([APP, "http://localhost:5173"]), APP);
    expect([answer.status, await answer.text()]).toEqual([204, ""]);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "access-control-allow-origin": APP,
      "access-control-allow-methods": "GET, POST",
      "access-control-allow-headers": "authorization,connect-protocol-version,content-type",
      vary: "Origin",
    });
  });

  it("may not call otherwise, and caches are told that answers differ", async () => {
    const url = await serving([APP]);
    for (const origin of ["https://other.example", `${APP}.evil`, `${APP}:8443`, "null"]) {
      const answer = await preflight(url, origin);
      expect([answer.ok, allowed(answer), answer.headers.get("vary")], origin).toEqual([false, null, "Origin"]);
    }
  });

  it("may not call a server that allows none", async () => {
    const answer = await preflight(await serving(), APP);
    expect([answer.ok, allowed(answer)]).toEqual([false, null]);
  });

  it("may all call a server that allows any", async () => {
    expect(allowed(await preflight(await serving(["*"]), "https://other.example"))).toBe("https://other.example");
  });

  it.each([
    ["a refused call", "POST", QUERY],
    ["telemetry", "POST", "/v1/traces"],
    ["health", "GET", "/healthz"],
    ["what is not there", "GET", "/nothing"],
  ])("may read the answer to %s", async (_name, method, path) => {
    const headers = { origin: APP, "content-type": "application/json" };
    expect(allowed(await fetch((await serving([APP])) + path, { method, headers }))).toBe(APP);
  });

  it.each(["1.1", "2"] as const)("may read streams, over HTTP/%s", async (httpVersion) => {
    const transport = createConnectTransport({ baseUrl: await serving([APP]), httpVersion });
    const seen: (string | null)[] = [];
    const options = {
      headers: { origin: APP, authorization: "Bearer t" },
      onHeader: (headers: Headers) => seen.push(headers.get("access-control-allow-origin")),
    };
    for await (const answer of createClient(QueryService, transport).querySpans({}, options)) expect(answer).toBeNull();
    expect(seen).toEqual([APP]);
  });
});

describe("a list of origins", () => {
  it("is read as browsers write them", () => {
    expect(parseOrigins("x", "https://app.example, http://localhost:5173")).toEqual([
      "https://app.example",
      "http://localhost:5173",
    ]);
    expect(parseOrigins("x", "*")).toEqual(["*"]);
  });

  it.each(["app.example", "https://app.example/", "https://App.example", "https://app.example:443", "", "null", "a,"])(
    'refuses "%s", which no browser sends',
    (text) => {
      expect(() => parseOrigins("--cors-origins", text)).toThrow(/^cannot use --cors-origins ".*": write an origin/);
    },
  );
});
