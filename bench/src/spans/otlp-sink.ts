import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";

/** A backend that takes all it is sent and keeps nothing. */
export class OtlpSink {
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume();
      request.on("end", () => response.writeHead(200, { "content-type": "application/x-protobuf" }).end());
    });
  }

  /** Listens on a free port; gives its URL. */
  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends with the connections that are open. */
  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }
}
