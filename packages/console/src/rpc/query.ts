import { QueryClient } from "@spanloom/query";
import { transport } from "./clients.ts";

/** Asks for spans and logs from the page itself; what needs many of them has a worker with a client of its own. */
export const query: QueryClient = new QueryClient({ transport });
