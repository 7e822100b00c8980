import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";

/** What a page needs. */
export interface BrowserPageOptions {
  /** Program of the browser. */
  chromium: string;
  /** Folder of the page, with its `index.html`. */
  folder: string;
}

/**
 * A page in a Chromium without a window, and the server that it is from.
 *
 * The page gets `config` as JSON from `/config`, and posts what it found to `/result/<name>`, and to `/result/error` what
 * went wrong. The browser has a profile of its own and ends with {@link stop}, or with this process.
 */
export class BrowserPage implements AsyncDisposable {
  readonly #options: BrowserPageOptions;
  readonly #server: Server;
  readonly #profile = mkdtempSync(path.join(tmpdir(), "spanloom-chromium-"));
  readonly #results = new Map<string, PromiseWithResolvers<Buffer>>();
  #config: unknown;
  #browser: ChildProcess | undefined;

  constructor(options: BrowserPageOptions) {
    this.#options = options;
    this.#server = createServer((request, response) => {
      void this.#answer(request).then(({ type, body }) => {
        response.setHeader("content-type", type);
        response.end(body);
      });
    });
  }

  /** Serves the page; the browser comes with {@link open}. Gives its origin. */
  async start(): Promise<string> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Opens the page. */
  open(origin: string, config: unknown): void {
    this.#config = config;
    const flags = [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--remote-debugging-pipe",
    ];
    const own = [
      "--disable-background-networking",
      "--enable-logging=stderr",
      "--disable-breakpad",
      `--user-data-dir=${this.#profile}`,
    ];
    const browser = spawn(this.#options.chromium, [...flags, ...own, origin], {
      // It ends when the pipes for a debugger, 3 and 4, are closed, as they are when this process is killed.
      stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
      // The program may be a script that starts the browser: both end with their group.
      detached: true,
    });
    this.#browser = browser;
    let said = "";
    browser.stderr?.on("data", (text) => {
      said += text;
    });
    const fail = (why: string) =>
      this.#failed.reject(new Error(`cannot open ${this.#options.chromium}: ${why}\n${said}`));
    browser.on("error", (error) => fail(error.message)).on("exit", (code) => fail(`it ended with ${code}`));
  }

  /** Rejects when the browser ends by itself. */
  readonly #failed = Promise.withResolvers<never>();

  /** What the page posted under a name, once it has. */
  result(name: string): Promise<Buffer> {
    this.#failed.promise.catch(() => undefined); // Whoever waits is told by the race.
    return Promise.race([this.#resultOf(name).promise, this.#failed.promise]);
  }

  async stop(): Promise<void> {
    const browser = this.#browser;
    this.#browser = undefined;
    if (browser?.pid !== undefined && browser.exitCode === null && browser.signalCode === null) {
      process.kill(-browser.pid, "SIGKILL");
      await once(browser, "exit");
    }
    this.#server.closeAllConnections();
    if (this.#server.listening) await new Promise((closed) => this.#server.close(closed));
    rmSync(this.#profile, { recursive: true, force: true, maxRetries: 5 });
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  #resultOf(name: string): PromiseWithResolvers<Buffer> {
    const known = this.#results.get(name) ?? Promise.withResolvers<Buffer>();
    this.#results.set(name, known);
    return known;
  }

  async #answer(request: IncomingMessage): Promise<{ type: string; body: Buffer | string }> {
    const { pathname } = new URL(request.url ?? "/", "http://page");
    if (pathname.startsWith("/result/")) {
      const body = Buffer.concat(await request.toArray());
      if (pathname === "/result/error") this.#failed.reject(new Error(`the page failed: ${body}`));
      else this.#resultOf(pathname.slice("/result/".length)).resolve(body);
      return { type: "text/plain", body: "" };
    }
    if (pathname === "/config") return { type: "application/json", body: JSON.stringify(this.#config) };
    const file = path.join(this.#options.folder, pathname === "/" ? "index.html" : pathname);
    const type = file.endsWith(".html") ? "text/html" : "text/javascript";
    return { type, body: existsSync(file) ? readFileSync(file) : "" };
  }
}
