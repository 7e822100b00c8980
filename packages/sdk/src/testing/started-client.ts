import type { Transport } from "@connectrpc/connect";
import { onTestFinished } from "vitest";
import { Client } from "../client.ts";

/** A client of a service of its own, which tries again without waiting; closed when the test is over. */
export function startedClient<Service extends { transport: Transport }>(
  service: Service,
): { service: Service; client: Client } {
  const client = new Client({ transport: service.transport, retry: { wait: async () => undefined } });
  onTestFinished(() => client.close());
  return { service, client };
}
