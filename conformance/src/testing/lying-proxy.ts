import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { buffer } from "node:stream/consumers";

/** How a proxy lies: it changes the JSON text of calls whose path ends with `call`. */
export interface Lie {
  call: string;
  request?: (text: string) => string;
  answer?: (text: string) => string;
}

/** A server between the program and a true one that lies about some calls. Understands unary calls in JSON alone. */
export class LyingProxy implements AsyncDisposable {
  readonly url: string;
  readonly #server: ReturnType<typeof createServer>;

  private constructor(server: ReturnType<typeof createServer>) {
    this.#server = server;
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  /** Starts one in front of a server. */
  static async start(target: string, lie: Lie): Promise<LyingProxy> {
    const server = createServer((incoming, answer) => {
      pass(target, lie, { incoming, answer }).catch(() => answer.destroy());
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return new LyingProxy(server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

interface Exchange {
  incoming: IncomingMessage;
  answer: ServerResponse;
}

async function pass(target: string, lie: Lie, { incoming, answer }: Exchange): Promise<void> {
  const lies = incoming.url?.endsWith(lie.call) === true;
  const asked = await buffer(incoming);
  const body = lies && lie.request ? Buffer.from(lie.request(asked.toString())) : asked;
  // Bodies are passed on whole, neither compressed nor in chunks.
  const { "transfer-encoding": _, ...headers } = incoming.headers;
  const onwardHeaders = { ...headers, host: new URL(target).host, "accept-encoding": "identity" };
  const onward = request(new URL(incoming.url ?? "/", target), {
    method: incoming.method ?? "POST",
    headers: { ...onwardHeaders, "content-length": String(body.length) },
  });
  const came = new Promise<IncomingMessage>((resolve, reject) => onward.on("response", resolve).on("error", reject));
  answer.on("close", () => onward.destroy());
  onward.end(body);
  const response = await came;
  const truth = await buffer(response);
  const told = lies && lie.answer ? Buffer.from(lie.answer(truth.toString())) : truth;
  const { "transfer-encoding": __, ...answered } = response.headers;
  answer.writeHead(response.statusCode ?? 500, { ...answered, "content-length": String(told.length) });
  answer.end(told);
}
