import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Listener, type ListenerOptions } from "./listener.ts";

const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

async function listen(options: Partial<ListenerOptions> = {}): Promise<{ listener: Listener; port: number }> {
  const listener = new Listener({
    host: "127.0.0.1",
    port: 0,
    graceMs: 500,
    handler: (request, response) => {
      response.end(`${request.httpVersion} ${request.url}`);
    },
    ...options,
  });
  stops.push(() => listener.stop());
  return { listener, port: await listener.start() };
}

async function open(port: number): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  return socket;
}

/** Everything a socket says until it closes. */
async function readAll(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

describe("the listener", () => {
  it("tells HTTP/1.1 from HTTP/2 also when the first bytes come one by one", async () => {
    const { port } = await listen();
    const socket = await open(port);
    socket.setNoDelay(true);
    for (const byte of "PUT /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") {
      socket.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await readAll(socket)).toContain("1.1 /x");
  });

  it("serves requests one after the other on one connection, pipelined ones too", async () => {
    const { port } = await listen();
    const socket = await open(port);
    socket.write("GET /1 HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
    expect(await readAll(socket)).toMatch(/1\.1 \/1[\s\S]*1\.1 \/2/);
  });

  it("answers garbage with 400 and goes on", async () => {
    const { listener, port } = await listen();
    const socket = await open(port);
    socket.write("\x16\x03\x01\x02\x00 nonsense\r\n\r\n");
    expect(await readAll(socket)).toContain("400 Bad Request");
    expect(listener.refused).toMatchObject({ malformed: 1, headers: 0 });
    expect(await (await fetch(`http://127.0.0.1:${port}/after`)).text()).toBe("1.1 /after");
  });

  it("survives a broken HTTP/2 session", async () => {
    const { listener, port } = await listen();
    const socket = await open(port);
    socket.on("error", () => {}).resume();
    socket.write("PRI * HTTP/2.0\r\n\r\nnonsense");
    await once(socket, "close");
    expect(listener.refused.http2).toBe(1);
    expect((await fetch(`http://127.0.0.1:${port}/after`)).status).toBe(200);
  });

  it("cuts off a client that does not say what it speaks, or never ends its headers", async () => {
    const { listener, port } = await listen({ headersTimeoutMs: 50 });
    const silent = await open(port);
    const partial = await open(port);
    partial.write("PR");
    await Promise.all([once(silent, "close"), once(partial, "close")]);
    expect(listener.refused).toMatchObject({ silent: 2, malformed: 0 });
  });

  it("refuses headers over 16 KiB", async () => {
    const { listener, port } = await listen();
    const answer = await fetch(`http://127.0.0.1:${port}/`, { headers: { a: "x".repeat(20_000) } });
    expect(answer.status).toBe(431);
    expect(listener.refused.headers).toBe(1);
  });

  it("names the port when it is taken, and what to do", async () => {
    const { port } = await listen();
    await expect(new Listener({ host: "127.0.0.1", port, handler: () => {} }).start()).rejects.toThrow(
      `cannot listen on 127.0.0.1:${port}: another process has the port; choose another with --port or SPANLOOM_PORT`,
    );
  });
});

describe("stopping", () => {
  it("answers what is in flight and closes everything else (I2, I3)", async () => {
    const begun = Promise.withResolvers<void>();
    const finish = Promise.withResolvers<void>();
    const { listener, port } = await listen({
      handler: (_request, response) => {
        begun.resolve();
        finish.promise.then(() => response.end("finished"));
      },
    });
    const idle = await open(port);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    const answer = fetch(`http://127.0.0.1:${port}/`).then((one) => one.text());
    await begun.promise;
    const stopped = listener.stop();
    expect(listener.stop()).toBe(stopped);
    await Promise.all([once(idle, "close"), once(session, "close")]);
    finish.resolve();
    expect(await answer).toBe("finished");
    await stopped;
    await expect(fetch(`http://127.0.0.1:${port}/`)).rejects.toThrow();
  });

  it("cuts off what takes longer than the grace period (I3)", async () => {
    const begun = Promise.withResolvers<void>();
    const { listener, port } = await listen({ graceMs: 10, handler: () => begun.resolve() });
    const answer = fetch(`http://127.0.0.1:${port}/`);
    await begun.promise;
    await Promise.all([listener.stop(), expect(answer).rejects.toThrow()]);
  });

  it("does nothing before a start", async () => {
    await new Listener({ host: "127.0.0.1", port: 0, handler: () => {} }).stop();
  });

  it("ends the requests of an HTTP/2 client that was killed (I4)", async () => {
    const gone = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const { port } = await listen({
      handler: (_request, response) => {
        response.once("close", () => gone.resolve());
        begun.resolve();
      },
    });
    const socket = await open(port);
    const session = connectHttp2(`http://127.0.0.1:${port}`, { createConnection: () => socket });
    session.on("error", () => {});
    session.request({ ":path": "/long-poll" }).on("error", () => {});
    await begun.promise;
    // All that a server hears of a killed process: the end of its connection, without a frame.
    socket.end();
    await gone.promise;
  });

  it("stops without waiting for HTTP/2 clients that never close (I5)", async () => {
    const { listener, port } = await listen({ graceMs: 600_000 });
    const frozen = connect({ port, host: "127.0.0.1", allowHalfOpen: true });
    const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]);
    frozen.write(Buffer.concat([Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), settings]));
    await once(frozen, "data");
    await listener.stop();
    frozen.destroy();
  });
});
