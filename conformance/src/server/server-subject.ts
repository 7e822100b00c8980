import { randomBytes } from "node:crypto";
import type { Transport } from "@connectrpc/connect";
import { createTransport, type Protocol } from "../calls/protocols.ts";
import type { Case } from "../cases/suite.ts";
import { newUuid } from "../match/evaluate.ts";
import { Scope } from "../match/scope.ts";
import type { Subject } from "../run/subject.ts";
import { runSteps } from "../steps/run-steps.ts";
import type { Session } from "../steps/session.ts";
import type { Step } from "../steps/step.ts";

/** The variant of cases that make plain HTTP requests alone, which are run once. */
export const HTTP = "http";

/** What it takes to test a server. */
export interface ServerOptions {
  url: string;
  token: string | undefined;
  /** A token with the scope `read` alone. */
  readToken: string | undefined;
  protocols: readonly Protocol[];
  concurrency: number;
  patience: number;
}

/** A server under test, called over each protocol. */
export class ServerSubject implements Subject<Step> {
  readonly name: string;
  readonly variants: readonly string[];
  readonly offers: readonly string[];
  readonly concurrency: number;
  readonly #options: ServerOptions;
  readonly #transports = new Map<string, Transport>();

  constructor(options: ServerOptions) {
    this.#options = options;
    this.name = options.url;
    this.variants = [...options.protocols, HTTP];
    this.offers = [
      ...(options.token === undefined ? [] : ["token"]),
      ...(options.readToken === undefined ? [] : ["read-token"]),
    ];
    this.concurrency = options.concurrency;
  }

  /** Each run has a queue, a runner and a name of its own, so that cases do not meet each other's work. */
  async runCase(each: Case<Step>, variant: string, signal: AbortSignal): Promise<void> {
    const { url, token, readToken = "", patience } = this.#options;
    const stop = new AbortController();
    const unique = randomBytes(6).toString("hex");
    const own = { unique, queue: `conformance-${unique}`, runner: newUuid() };
    const scope = new Scope({ ...own, protocol: variant, url, read_token: readToken });
    const session: Session = {
      transport: this.#transport(variant),
      url,
      token,
      signal: AbortSignal.any([signal, stop.signal]),
      patience,
      background: new Map(),
    };
    try {
      await runSteps(each.steps, { session, scope });
    } finally {
      stop.abort();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#transports.clear();
  }

  #transport(variant: string): Transport {
    const protocol = variant === HTTP ? "connect" : (variant as Protocol);
    const transport =
      this.#transports.get(protocol) ?? createTransport(protocol, this.#options.url, this.#options.token);
    this.#transports.set(protocol, transport);
    return transport;
  }
}
