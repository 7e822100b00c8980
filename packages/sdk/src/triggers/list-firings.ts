import type { CallOptions, Client as RpcClient } from "@connectrpc/connect";
import { FiringOutcome, type TriggerService } from "@spanloom/protocol";
import type { Caller } from "../call.ts";
import { listPages } from "../list-pages.ts";
import { type FiringSnapshot, type ListFiringsOptions, toFiringSnapshot } from "./firing-snapshot.ts";

/** Lists firings of a schedule or of a trigger, newest first, page by page as they are read. */
export function listFirings(
  service: RpcClient<typeof TriggerService>,
  caller: Caller,
  options: ListFiringsOptions & ({ schedule: string } | { trigger: string }),
): AsyncGenerator<FiringSnapshot> {
  const { outcomes = [], limit = Number.POSITIVE_INFINITY, ...source } = options;
  const wanted = { ...source, outcomes: outcomes.map((outcome) => FiringOutcome[outcome]) };
  return listPages(limit, async (page) => {
    const call = (callOptions: CallOptions) => service.listFirings({ ...wanted, ...page }, callOptions);
    const { firings, nextPageToken } = await caller(call);
    return { items: firings.map(toFiringSnapshot), nextPageToken };
  });
}
