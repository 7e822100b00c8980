import { QueryClient } from "@spanloom/query";
import { emptyHeat } from "../../charts/heat-grid.ts";
import { countHeat, heatColumns } from "./count-heat.ts";
import type { HeatNews, HeatRequest } from "./heat-messages.ts";

/** What this needs of the scope of a worker, whose types exclude those of a page. */
interface Scope {
  postMessage(message: HeatNews): void;
  onmessage: ((event: { data: HeatRequest }) => void) | null;
}

const scope = globalThis as unknown as Scope;

/** How often what is counted by then is drawn. */
const TELL_MS = 250;

scope.onmessage = ({ data }) => {
  count(data).catch((error) => {
    scope.postMessage({ kind: "failed", message: error instanceof Error ? error.message : String(error) });
  });
};

async function count({ url, token, conditions, columns, ...place }: HeatRequest): Promise<void> {
  const client = new QueryClient(token === "" ? { url } : { url, token });
  const heat = emptyHeat(columns);
  let spans = 0;
  let toldMs = Date.now();
  for await (const batch of client
    .spans(conditions)
    .columns(...heatColumns)
    .stream()) {
    countHeat(heat, place, batch);
    spans += batch.numRows;
    if (Date.now() - toldMs < TELL_MS) continue;
    toldMs = Date.now();
    scope.postMessage({ kind: "counted", heat, spans, done: false });
  }
  scope.postMessage({ kind: "counted", heat, spans, done: true });
}
