import { QueryClient } from "@spanloom/query";
import { transport, unendingTransport } from "./clients.ts";

/** Asks for spans and logs by the calls of the page; what needs many of them has a worker with a client of its own. */
export const query: QueryClient = new QueryClient({ transport });

/** As `query`, for what is followed as it comes. */
export const tailQuery: QueryClient = new QueryClient({ transport: unendingTransport });
