import { type Client, createClient, type Interceptor, type Transport } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-web";
import { JobService, RunnerService } from "@spanloom/protocol";
import { token } from "../state/settings.ts";
import { connection, observeConnection } from "./connection.ts";

/** Adds the token of the settings, if there is one. */
const authorize: Interceptor = (next) => (request) => {
  const text = token.get();
  if (text !== "") request.header.set("authorization", `Bearer ${text}`);
  return next(request);
};

/** To the server the page is from, in binary; answers that are streams are read as they come. */
export const transport: Transport = createConnectTransport({
  baseUrl: globalThis.location?.origin ?? "http://127.0.0.1:7171",
  useBinaryFormat: true,
  interceptors: [observeConnection(connection), authorize],
});

export const jobs: Client<typeof JobService> = createClient(JobService, transport);
export const runners: Client<typeof RunnerService> = createClient(RunnerService, transport);
