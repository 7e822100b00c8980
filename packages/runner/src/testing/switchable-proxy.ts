import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Test fixture: a load balancer for TCP that sends everybody to one server, and from {@link SwitchableProxy.switchTo} on to another. */
export class SwitchableProxy {
  readonly #server = createServer((client) => this.#join(client));
  readonly #sockets = new Set<Socket>();
  #target: URL;

  constructor(target: string) {
    this.#target = new URL(target);
  }

  /** Begins to listen; gives its base URL. */
  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as { port: number }).port}`;
  }

  /** Sends new connections elsewhere, and ends the others. */
  switchTo(target: string): void {
    this.#target = new URL(target);
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Ends everything. */
  stop(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket): void {
    const server = connect(Number(this.#target.port), this.#target.hostname);
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(one);
      one.pipe(other);
      one.on("error", () => undefined); // ended by a switch
      one.on("close", () => {
        this.#sockets.delete(one);
        other.destroy();
      });
    }
  }
}
