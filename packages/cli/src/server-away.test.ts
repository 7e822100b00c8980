import { once } from "node:events";
import { createServer as createHttpServer, type ServerResponse } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { testCertificates } from "@spanloom/testing";
import { afterAll, describe, expect, test } from "vitest";
import { buildProgram } from "./program.ts";
import { runCli } from "./run-cli.ts";
import { capturedContext } from "./testing/captured-context.ts";
import { commandLines, standalone } from "./testing/command-lines.ts";

const commands = commandLines(buildProgram(capturedContext(), () => undefined)).filter(
  ({ command }) => !standalone.has(command),
);

const servers: Server[] = [];
const sockets = new Set<Socket>();
afterAll(async () => {
  for (const socket of sockets) socket.destroy();
  for (const server of servers) server.close();
});

async function portOf(server: Server): Promise<number> {
  servers.push(server);
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("error", () => undefined);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}

const answering = (status: number, type: string, body: string) =>
  createHttpServer((_, response: ServerResponse) => {
    response.writeHead(status, { "content-type": type, location: "/login" }).end(body);
  });
const page = (status: number) => answering(status, "text/html", "<html><body>no</body></html>");
const url = async (server: Server, scheme = "http") => `${scheme}://127.0.0.1:${await portOf(server)}`;
const [{ cert, key }] = testCertificates;

const silent = await url(createServer());

/** What may be at the address of a server, the exit code it means, and what is said of it. */
const cases: [what: string, address: string, exitCode: number, expected: { says: RegExp; hint: string }][] = [
  // Port 9 is discard: nothing listens there on a machine that runs tests.
  ["nobody", "http://127.0.0.1:9", 3, { says: /nothing listens there .*ECONNREFUSED/, hint: "spanloom server" }],
  [
    "a name that nobody has",
    "http://no-such-host.invalid",
    3,
    { says: /its name is not known/, hint: "Correct --url" },
  ],
  ["something that never answers", silent, 3, { says: /has not begun to answer in time/, hint: "--request-timeout" }],
  [
    "something that hangs up",
    await url(createServer((s) => s.destroy())),
    3,
    { says: /the connection was closed/, hint: "https://" },
  ],
  [
    "no HTTP",
    await url(createServer((s) => s.end("SSH-2.0-x\r\n"))),
    3,
    { says: /does not speak HTTP/, hint: "Correct --url" },
  ],
  [
    "a page that is not found",
    await url(page(404)),
    3,
    { says: /does not know this call, HTTP 404/, hint: "no Spanloom server" },
  ],
  ["a page", await url(page(200)), 3, { says: /gives no answer of Spanloom, HTTP 200/, hint: "no Spanloom server" }],
  [
    "a page to log in",
    await url(page(302)),
    3,
    { says: /gives no answer of Spanloom, HTTP 302/, hint: "no Spanloom server" },
  ],
  ["a proxy that asks who it is", await url(page(401)), 4, { says: /refuses the call, HTTP 401/, hint: "--token" }],
  ["a proxy that asks to be paid", await url(page(407)), 4, { says: /refuses the call, HTTP 407/, hint: "--token" }],
  [
    "a proxy without its server",
    await url(page(502)),
    3,
    { says: /a proxy answers in its place, HTTP 502/, hint: "try again" },
  ],
  [
    "a proxy that gave up",
    await url(page(504)),
    3,
    { says: /a proxy answers in its place, HTTP 504/, hint: "try again" },
  ],
  ["a defect", await url(page(500)), 3, { says: /gives no answer of Spanloom, HTTP 500/, hint: "no Spanloom server" }],
  [
    "a server of another version",
    await url(answering(404, "application/json", '{"code":"unimplemented","message":"no such path"}')),
    3,
    { says: /does not know this call, HTTP 404/, hint: "of another version" },
  ],
  ["no TLS", await url(page(404), "https"), 3, { says: /does not speak TLS/, hint: "http://" }],
  [
    "a certificate of nobody",
    await url(createTlsServer({ cert, key }), "https"),
    3,
    { says: /its certificate is not trusted \(self-signed certificate/, hint: "NODE_EXTRA_CA_CERTS" },
  ],
];

describe.each(cases)("%s at the address of the server", (_, address, exitCode, { says, hint }) => {
  test.each(commands)("is told of by $command, and what to do about it", async ({ args }) => {
    // Only what never answers is given little time: looking up a name may take a while.
    const patience = address === silent ? ["--request-timeout", "100ms"] : [];
    const flags = ["--url", address, ...patience];
    const context = capturedContext({ nowMs: Date.now });
    expect(await runCli([...args, ...flags], context)).toBe(exitCode);
    expect(context.out()).toBe("");
    const [message = "", ...next] = context.err().trimEnd().split("\n");
    expect(message).toMatch(/^cannot (reach the server|use what answers) at http/);
    expect(message).toMatch(says);
    expect(message).toContain(address);
    expect(next.join("\n")).toContain(hint);
    // A sentence, and one or two lines of what to do: no stack, nothing twice.
    expect(next.length).toBeLessThanOrEqual(2);
  });
});

test.each(commands)("with --json $command tells of it in one JSON object", async ({ args }) => {
  const context = capturedContext({ nowMs: Date.now });
  expect(await runCli([...args, "--url", "http://127.0.0.1:9", "--json"], context)).toBe(3);
  expect(context.out()).toBe("");
  expect(JSON.parse(context.err())).toEqual({
    error: {
      code: 3,
      reason: "STORE_UNAVAILABLE",
      message: expect.stringContaining("nothing listens there"),
      hint: expect.stringContaining("spanloom server"),
    },
  });
});
