import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { EventService, JobService, RunnerService, TriggerService } from "@spanloom/protocol";
import { token } from "../state/settings.ts";
import { connection, observeConnection } from "./connection.ts";
import { observeClock, serverClock } from "./server-clock.ts";

/** Adds the token of the settings, if there is one. */
const authorize: Interceptor = (next) => (request) => {
  const text = token.get();
  if (text !== "") request.header.set("authorization", `Bearer ${text}`);
  return next(request);
};

/** Longest that an answer may take: a server that swallows calls is out of reach, not slow. */
const PATIENCE_MS = 30_000;

/** For calls that last as long as there is something to tell. */
export const unending = { timeoutMs: 0 } as const;

const toServer = {
  baseUrl: globalThis.location?.origin ?? "http://127.0.0.1:7171",
  useBinaryFormat: true,
  interceptors: [observeConnection(connection), observeClock(serverClock, Date.now), authorize],
};

/** To the server the page is from, in binary; answers that are streams are read as they come. */
export const transport: Transport = createConnectTransport({ ...toServer, defaultTimeoutMs: PATIENCE_MS });

/** As `transport`, for answers that last as long as there is something to tell. */
export const unendingTransport: Transport = createConnectTransport(toServer);

export const jobs: Client<typeof JobService> = createClient(JobService, transport);
export const runners: Client<typeof RunnerService> = createClient(RunnerService, transport);
export const triggers: Client<typeof TriggerService> = createClient(TriggerService, transport);
export const events: Client<typeof EventService> = createClient(EventService, transport);
