import { randomBytes } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { IdGenerator, type Limits } from "@spanloom/protocol";
import type { Clock } from "./clock.ts";
import { SpanHandout } from "./closed-spans/span-handout.ts";
import type { Forwarding } from "./forward/forwarding.ts";
import { type Authorize, authorizeAll, bearerAuthorization, fullToken } from "./http/authorization.ts";
import type { ConsoleAssets } from "./http/console.ts";
import { createHttpHandler } from "./http/http-handler.ts";
import { Listener } from "./http/listener.ts";
import { checkKeyPair, type TlsFiles } from "./http/tls-files.ts";
import { parseTokens } from "./http/token-file.ts";
import { WatchedFiles } from "./http/watched-files.ts";
import { Maintenance } from "./maintenance.ts";
import { EventMatcher } from "./matching/event-matcher.ts";
import { type MetricsOptions, ServerMetrics } from "./metrics/server-metrics.ts";
import type { Log } from "./rpc/error-interceptor.ts";
import { eventService } from "./rpc/event-service.ts";
import { JobChanges } from "./rpc/job-changes.ts";
import { jobService } from "./rpc/job-service.ts";
import { LeaseWaiters } from "./rpc/lease-waiters.ts";
import { queryService } from "./rpc/query-service.ts";
import { runnerService } from "./rpc/runner-service.ts";
import type { ServiceRoute } from "./rpc/service-route.ts";
import { TaskCounts } from "./rpc/task-counts.ts";
import { taskService } from "./rpc/task-service.ts";
import { triggerService } from "./rpc/trigger-service.ts";
import type { SelfTracing } from "./self-tracing/start-self-tracing.ts";
import { startTriggers } from "./start-triggers.ts";
import type { Store } from "./store/store.ts";
import type { Telemetry } from "./telemetry/telemetry.ts";
import { serverVersion } from "./version.ts";
import type { SecretSources } from "./webhooks/read-secrets.ts";
import { StoredWebhooks } from "./webhooks/stored-webhooks.ts";
import { WebhookIntake } from "./webhooks/webhook-intake.ts";

/** Everything a server is made of, stores included. */
export interface ServerParts {
  store: Store;
  telemetry: Telemetry;
  /** Gives exporters what comes into the telemetry's store; absent when there are none. */
  forwarding?: Pick<Forwarding, "start" | "stop" | "stats"> | undefined;
  /** What is told of metrics. Default: `/metrics` needs a token like the rest, and nothing is pushed. */
  metrics?: MetricsOptions | undefined;
  /** Traces what the server does; absent when that is off. */
  selfTracing?: SelfTracing | undefined;
  /** Tells this server from others in metrics. Default: made up. */
  instanceId?: string | undefined;
  /** Held while the server runs, when the store does not lock the data folder. */
  dataLock?: { acquire(): void; release(): void } | undefined;
  clock: Clock;
  /** Time of day, which schedules follow and signed times of deliveries are held against. Default: the clock's. */
  wallNowUs?: (() => number) | undefined;
  /** How long the thread has been at work, in microseconds from some moment on. Default: as the machine tells. */
  busyUs?: (() => number) | undefined;
  /** Days that events are kept. Default 7. */
  eventRetentionDays?: number | undefined;
  limits: Limits;
  host: string;
  port: number;
  /** A token with all scopes. */
  token: string | undefined;
  /** File of tokens with scopes, read again when it changes. */
  tokensFile?: string | undefined;
  /** Where secrets of webhooks are read from. Default: no key, and no variable. */
  secrets?: SecretSources | undefined;
  /** The web console. Default: none is served. */
  console?: ConsoleAssets | undefined;
  /** Origins whose pages may call; default none but pages of the server's own origin. */
  corsOrigins?: readonly string[] | undefined;
  /** Files of the certificate, read again when they change. Without them the server speaks no TLS. */
  tls?: TlsFiles | undefined;
  log: Log;
  /** How long a stop waits for calls in flight. */
  graceMs: number;
}

/** A server that answers. */
export interface RunningServer {
  /** Where, e.g. `http://127.0.0.1:7171`. */
  readonly url: string;
  readonly port: number;
  /** Whether the web console is served there. */
  readonly hasConsole: boolean;
  /** Reads tokens and certificate again, now. What is wrong with them is logged, and what was read before stays. */
  reload(): void;
  /** Ends long polls, finishes calls in flight, closes stores. Safe to call twice. */
  stop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** How to undo a step of the start, the last step first. */
type Undo = () => Promise<void> | void;

/**
 * Starts stores, loops and the listener, in this order, so that no call is taken before it can be served; stops in the
 * opposite one, so that what a call needs outlives it.
 *
 * Errors: whatever kept a part from starting; the parts before it are stopped again.
 */
export async function serve(parts: ServerParts): Promise<RunningServer> {
  const undo: Undo[] = [];
  try {
    return await startParts(parts, undo);
  } catch (error) {
    await unwind(undo);
    throw error;
  }
}

async function startParts(parts: ServerParts, undo: Undo[]): Promise<RunningServer> {
  const { store, telemetry, forwarding, selfTracing, dataLock, clock, log } = parts;
  const files = openFiles(parts);
  undo.push(() => selfTracing?.stop());
  dataLock?.acquire();
  undo.push(() => dataLock?.release());
  await store.start();
  undo.push(() => store.stop());
  const handout = new SpanHandout({ ...parts, random: Math.random, leaseMs: parts.limits.defaultLeaseMs });
  const changed = (jobIds: ReadonlySet<string>, taskIds: ReadonlySet<string>): void => {
    telemetry.lifecycleChanged(jobIds, taskIds);
    handout.note(jobIds, taskIds);
  };
  undo.push(store.on("changed", changed));
  undo.push(() => handout.stop());
  await telemetry.start();
  undo.push(() => telemetry.stop());
  // While there is a store to take it, should it go there; what comes after is of the stop alone.
  undo.push(() => selfTracing?.flush());
  await forwarding?.start();
  undo.push(() => forwarding?.stop());
  const maintenance = new Maintenance(store, clock, log, selfTracing?.tracer);
  maintenance.start();
  undo.push(() => maintenance.stop());
  const triggers = startTriggers(parts, undo);
  const { instanceId } = parts;
  const others = { maintenance, triggers, selfTracing, version: serverVersion(), instanceId };
  const sources = { store, telemetry, forwarding, clock, wallNowUs: parts.wallNowUs, log, ...others };
  const metrics = new ServerMetrics(sources, parts.metrics);
  await metrics.start();
  undo.push(() => metrics.stop());
  const port = await startListener(parts, { files, metrics, handout, undo });
  let stopping: Promise<void> | undefined;
  const stop = (): Promise<void> => {
    stopping ??= unwind(undo);
    return stopping;
  };
  const reload = (): void => {
    files.tokens?.reload();
    files.tls?.reload();
  };
  const hasConsole = parts.console !== undefined;
  return { url: urlOf(parts, port), port, hasConsole, reload, stop, [Symbol.asyncDispose]: stop };
}

function urlOf({ host, tls }: ServerParts, port: number): string {
  return `${tls ? "https" : "http"}://${host.includes(":") ? `[${host}]` : host}:${port}`;
}

/** Reads what the server is told by files, before anything is started. */
function openFiles({ tokensFile, tls, log }: ServerParts) {
  return {
    tokens:
      tokensFile === undefined
        ? undefined
        : new WatchedFiles({
            what: "tokens",
            paths: [tokensFile],
            parse: ([text = ""]) => parseTokens(text, tokensFile),
            log,
          }),
    tls:
      tls &&
      new WatchedFiles({
        what: "certificate and key",
        paths: [tls.certFile, tls.keyFile],
        parse: ([cert = "", key = ""]) => checkKeyPair({ cert, key }, tls),
        log,
      }),
  };
}

function authorization({ token }: ServerParts, { tokens }: ReturnType<typeof openFiles>): Authorize {
  if (token === undefined && !tokens) return authorizeAll;
  const full = token === undefined ? [] : [fullToken(token)];
  return bearerAuthorization(() => [...full, ...(tokens?.value ?? [])]);
}

interface ListenerParts {
  files: ReturnType<typeof openFiles>;
  metrics: ServerMetrics;
  handout: SpanHandout;
  undo: Undo[];
}

async function startListener(parts: ServerParts, shared: ListenerParts): Promise<number> {
  const { files, metrics, handout, undo } = shared;
  const { store, telemetry, clock, limits, host, log, graceMs } = parts;
  const changes = new JobChanges(store);
  const tracer = parts.selfTracing?.tracer;
  const waiters = new LeaseWaiters(store, clock, tracer);
  handout.onReady((runnerId) => waiters.dismiss(runnerId));
  const tasks = new TaskCounts();
  const tester = new EventMatcher({ maxInputBytes: limits.maxInputBytes, clock });
  undo.push(() => tester.stop());
  const webhooks = startWebhooks(parts, undo);
  const stopping = new AbortController();
  const listener = new Listener({
    host,
    port: parts.port,
    graceMs,
    tls: files.tls?.value,
    handler: createHttpHandler(
      spanloomServices({ ...parts, handout, changes, waiters, counts: tasks, secrets: secretsOf(parts), tester }),
      {
        telemetry,
        authorize: authorization(parts, files),
        maxRequestBytes: limits.maxRequestBytes,
        stopping: stopping.signal,
        version: serverVersion(),
        console: parts.console,
        corsOrigins: parts.corsOrigins ?? [],
        webhooks,
        metrics,
        calls: metrics.calls,
        requests: metrics.requests,
        log,
        tracer,
      },
    ),
  });
  metrics.observeCalls({ waiters, tasks, listener, webhooks });
  files.tls?.onChange((pair) => listener.renew(pair));
  for (const watched of [files.tokens, files.tls]) {
    watched?.start();
    undo.push(() => watched?.stop());
  }
  changes.start();
  waiters.start();
  undo.push(() => changes.stop());
  undo.push(() => listener.stop());
  undo.push(() => waiters.stop());
  undo.push(() => stopping.abort());
  // Polls that this wakes are answered before the rest is cut off.
  undo.push(async () => {
    await handout.flush();
    await nextTurn();
  });
  return listener.start();
}

function secretsOf({ secrets }: Pick<ServerParts, "secrets">): SecretSources {
  return secrets ?? { keys: [], environment: () => undefined };
}

/** undefined where the store keeps no events. */
function startWebhooks(parts: ServerParts, undo: Undo[]): WebhookIntake | undefined {
  const { store, clock, limits, log, wallNowUs = () => clock.nowUs() } = parts;
  if (!store.triggers) return undefined;
  const { maxEventBytes } = limits;
  const target = new StoredWebhooks({ triggers: store.triggers, nowUs: () => clock.nowUs(), maxEventBytes });
  undo.push(() => target.stop());
  const ids = new IdGenerator(() => clock.nowUs() / 1000);
  return new WebhookIntake({ target, secrets: secretsOf(parts), nowUs: wallNowUs, newId: () => ids.next(), log });
}

/** What the services share. */
export interface ServiceParts {
  store: Store;
  telemetry: Telemetry;
  clock: Clock;
  limits: Limits;
  log: Log;
  changes: JobChanges;
  waiters: LeaseWaiters;
  handout: SpanHandout;
  /** Where secrets of webhooks are read from, and what seals them. */
  secrets?: SecretSources;
  /** What the calls of runners refuse, cut and give back. */
  counts?: TaskCounts;
  /** Time of day, which schedules follow and signed times of deliveries are held against. Default: the clock's. */
  wallNowUs?: (() => number) | undefined;
  /** Tries expressions of triggers. Without it TestTrigger is not served. */
  tester?: EventMatcher | undefined;
}

/** All services of the protocol. */
export function spanloomServices(parts: ServiceParts): readonly ServiceRoute[] {
  const { store, clock, wallNowUs = () => clock.nowUs() } = parts;
  const ids = new IdGenerator(() => clock.nowUs() / 1000);
  const { triggers } = store;
  return [
    jobService({ ...parts, ids }),
    taskService(parts),
    runnerService(parts),
    queryService(parts),
    eventService({ ...parts, secrets: secretsOf(parts), ids, random: randomBytes }),
    triggerService(triggers && { ...parts, triggers, ids, wallNowUs }),
  ];
}

async function unwind(undo: Undo[]): Promise<void> {
  for (let step = undo.pop(); step; step = undo.pop()) await step();
}
