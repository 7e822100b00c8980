import { randomUUID } from "node:crypto";
import type { PeerAnswers, PeerRequest, Peers } from "../peers.ts";
import { nowMs, removingGone, SERVER_LOST } from "./lost-servers.ts";
import type { Reader } from "./read-pool.ts";
import { statement } from "./statement.ts";

/** How often servers that are gone are looked for, and how often after the last sign of work: a minute. */
const LOOK_MS = 5_000;
const LOOKS = 12;
/** How long a server that says that it is at work is waited for, and when it says so. */
const BUSY_MS = 60_000;
const SAY_BUSY_MS = 500;
/** How often it is looked whether a server that has not answered still lives. */
const RECHECK_MS = 250;

/** The last row is none of a server: it says how long ago one was lost. */
const otherServers = statement(
  "other_servers",
  `SELECT id, EXISTS (SELECT 1 FROM pg_stat_activity a WHERE a.pid = s.pid AND a.backend_start = s.backend_start), NULL
   FROM server s WHERE id <> $1
   UNION ALL SELECT NULL, false, ${nowMs} - value FROM meta WHERE key = '${SERVER_LOST}'`,
);

const removeGone = statement("remove_gone_servers", `WITH ${removingGone("$1")} SELECT id FROM gone`);

const tellPeers = statement("tell_peers", "SELECT pg_notify($1::text, $2::text) AS told");

/** What {@link PostgresPeers} needs. */
export interface PostgresPeersOptions {
  serverId: string;
  reader: () => Reader;
  /** Channel of the servers, and a message on it. */
  channel: string;
  payload(topic: string, body: string): string;
  /** Resolves when the transaction that is open now is over and announced. */
  settled(): Promise<void>;
  /** Whether this server hears answers. */
  isListening(): boolean;
  schedule(run: () => void, delayMs: number): () => void;
}

interface Asking {
  waiting: Set<string>;
  /** Of these, those that are at work. */
  busy: Set<string>;
  failed: { serverId: string; why: string }[];
  unsure: string[];
  wake: () => void;
}

const ASK = "ask";
const DONE = "done";
const LEFT = "left";
const UNSURE = "unsure";
/** An exporter is free. */
export const EXPORTER_GIVEN_BACK = "exporter";

/**
 * Questions and answers between servers as messages of PostgreSQL, and the taking over of those that are gone.
 *
 * Whoever removes the row of a server that is gone takes over from it: PostgreSQL lets one alone remove it.
 *
 * I1. A server that is alone, or among others without work, asks nothing: servers that are gone are looked for only
 *     from when another server was told or asked something until a minute after. Until then whoever works has written
 *     what it would leave, as a rule; what is left later is found by the next one who starts, works or asks.
 */
export class PostgresPeers implements Peers {
  readonly #options: PostgresPeersOptions;
  readonly #asking = new Map<string, Asking>();
  /** Servers that let a request time out and were not heard of since: none waits for them again. */
  readonly #silent = new Set<string>();
  #handler = Promise.withResolvers<(request: PeerRequest) => Promise<boolean>>();
  #onGone: (() => Promise<void>) | undefined;
  /** The last taking over. */
  #takingOver: Promise<void> = Promise.resolve();
  #goneBefore = false;
  #cancelLook: (() => void) | undefined;
  /** How often to look from here. */
  #looks = 0;
  #stopped = true;
  #handsOver = false;

  constructor(options: PostgresPeersOptions) {
    this.#options = options;
  }

  /** From now on servers that are gone are looked for while there is work. */
  start(): void {
    this.#stopped = false;
    if (this.#goneBefore) this.lookSoon();
  }

  /** Notes work that another server has a part in: what it leaves when it dies is looked for. */
  lookSoon(): void {
    this.#looks = LOOKS;
    this.#lookLater();
  }

  #lookLater(): void {
    if (this.#stopped || this.#looks === 0 || this.#cancelLook) return;
    this.#cancelLook = this.#options.schedule(() => void this.#look(), LOOK_MS);
  }

  async #look(): Promise<void> {
    try {
      await this.takeOver(() => this.#removeGone());
      this.#looks--;
    } catch {
      // PostgreSQL is away: looked again.
    }
    this.#cancelLook = undefined;
    this.#lookLater();
  }

  /** Stops looking. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelLook?.();
    this.#cancelLook = undefined;
    await this.#takingOver.catch(() => undefined); // whoever takes over next does it
  }

  /** Whether another server is to take over from this one, which stops; those that are there are told. */
  async leave(): Promise<boolean> {
    if (this.#handsOver) await this.#tell(LEFT, "").catch(() => undefined); // the next to start looks anyway
    return this.#handsOver;
  }

  handOver(): void {
    this.#handsOver = true;
  }

  onAsk(handler: (request: PeerRequest) => Promise<boolean>): void {
    this.#handler.resolve(handler);
  }

  onGone(handler: () => Promise<void>): void {
    this.#onGone = handler;
    if (this.#goneBefore) void this.takeOver(async () => true).catch(() => undefined); // as in start
  }

  /** Runs what finds out whether a server is gone, and then has its work taken over. */
  takeOver(find: () => Promise<boolean>): Promise<void> {
    const before = this.#takingOver.catch(() => undefined); // told to its own caller
    this.#takingOver = before.then(async () => {
      if (!(await find())) return;
      this.#goneBefore = true;
      if (!this.#onGone) return;
      await this.#onGone();
      this.#goneBefore = false;
    });
    this.#takingOver.catch(() => this.lookSoon()); // told to the caller, who may be gone
    return this.#takingOver;
  }

  async #removeGone(): Promise<boolean> {
    const rows = await this.#options.reader().rows(removeGone, this.#options.serverId);
    return rows.length > 0 || this.#goneBefore;
  }

  settled(): Promise<void> {
    return this.#options.settled();
  }

  async ask(request: PeerRequest, timeoutMs: number): Promise<PeerAnswers> {
    const { serverId, settled } = this.#options;
    await settled();
    const { others, lost } = await this.#others();
    const gone = others.filter(({ live }) => !live).map(({ id }) => id);
    const live = others.filter((other) => other.live).map(({ id }) => id);
    if (others.length > 0) this.lookSoon();
    if (live.length === 0) return { failed: [], silent: [], gone, unsure: [], ...lost };
    if (!this.#options.isListening()) return { failed: [], silent: live, gone, unsure: [], ...lost };
    const asking: Asking = { waiting: new Set(live), busy: new Set(), failed: [], unsure: [], wake: () => undefined };
    const id = `${serverId}/${randomUUID()}`;
    this.#asking.set(id, asking);
    try {
      await this.#tell(ASK, `${id} ${request}`);
      gone.push(...(await this.#wait(asking, timeoutMs)));
    } finally {
      this.#asking.delete(id);
    }
    for (const each of asking.waiting) this.#silent.add(each);
    return { failed: asking.failed, silent: [...asking.waiting], gone, unsure: asking.unsure, ...lost };
  }

  /** Waits until nobody is waited for; resolves with those that ended meanwhile. */
  async #wait(asking: Asking, timeoutMs: number): Promise<string[]> {
    const gone: string[] = [];
    for (let waitedMs = 0; !this.#onlySilent(asking); waitedMs += RECHECK_MS) {
      if (waitedMs >= (asking.busy.size > 0 ? BUSY_MS : timeoutMs)) break;
      if (await this.#woken(asking, RECHECK_MS)) break;
      const { others } = await this.#others();
      const live = new Set(others.filter((other) => other.live).map(({ id }) => id));
      for (const id of asking.waiting) {
        if (live.has(id)) continue;
        asking.waiting.delete(id);
        asking.busy.delete(id);
        gone.push(id);
      }
    }
    for (const serverId of asking.busy) {
      asking.waiting.delete(serverId);
      asking.failed.push({ serverId, why: `it is still at it after ${BUSY_MS / 1000} s` });
    }
    return gone;
  }

  #onlySilent({ waiting }: Asking): boolean {
    return [...waiting].every((id) => this.#silent.has(id));
  }

  /** True when every answer has come, false when the time is up. */
  #woken(asking: Asking, ms: number): Promise<boolean> {
    return new Promise((resolve) => {
      const cancel = this.#options.schedule(() => resolve(false), ms);
      asking.wake = () => {
        if (!this.#onlySilent(asking)) return;
        cancel();
        resolve(true);
      };
    });
  }

  async #others() {
    const rows = await this.#options.reader().rows(otherServers, this.#options.serverId);
    const others = rows
      .filter(([id]) => id !== null)
      .map(([id, live]) => ({ id: id as string, live: live as boolean }));
    const lostMsAgo = rows.find(([id]) => id === null)?.[2];
    return { others, lost: typeof lostMsAgo === "number" ? { lostMsAgo } : {} };
  }

  /** Tells the others that an exporter is free. */
  tellExporterGivenBack(): Promise<void> {
    return this.#tell(EXPORTER_GIVEN_BACK, "");
  }

  async #tell(topic: string, body: string): Promise<void> {
    const { channel, payload, reader } = this.#options;
    await reader().rows(tellPeers, channel, payload(topic, body));
  }

  /** Takes a message of another server; false when it is none of these. */
  hear(from: string, topic: string, body: string): boolean {
    if (topic === LEFT) this.lookSoon();
    if (topic !== ASK && topic !== DONE) return false;
    const [id = "", what = "", ...why] = body.split(" ");
    if (topic === ASK) void this.#serve(id, what as PeerRequest);
    else this.#answered(from, id, what, why.join(" "));
    return true;
  }

  #answered(from: string, id: string, what: string, why: string): void {
    this.#silent.delete(from);
    const asking = this.#asking.get(id);
    if (!asking?.waiting.has(from)) return;
    if (what === "busy") return void asking.busy.add(from);
    asking.waiting.delete(from);
    asking.busy.delete(from);
    if (what === UNSURE) asking.unsure.push(from);
    if (what === "failed") asking.failed.push({ serverId: from, why });
    asking.wake();
  }

  async #serve(id: string, request: PeerRequest): Promise<void> {
    let answer = "ok";
    const cancel = this.#options.schedule(() => void this.#answer(id, "busy"), SAY_BUSY_MS);
    try {
      const handler = await this.#handler.promise;
      // What was committed, or taken over, before the request is noted before it is served.
      await Promise.all([this.#options.settled(), this.#takingOver.catch(() => undefined)]);
      if (!(await handler(request))) answer = UNSURE;
    } catch (error) {
      answer = `failed ${(error instanceof Error ? error.message : String(error)).slice(0, 500)}`;
    }
    cancel();
    await this.#answer(id, answer);
  }

  /** Without an answer whoever asked waits for as long as it said. */
  async #answer(id: string, text: string): Promise<void> {
    await this.#tell(DONE, `${id} ${text}`).catch(() => undefined);
  }
}
