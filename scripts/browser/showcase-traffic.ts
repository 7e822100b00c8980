/** Where spans are sent to. */
interface Receiver {
  url: string;
  token: string;
}

const MINUTES = 60;
const PER_MINUTE = 90;
const routes = [
  { name: "GET /products", ms: 18 },
  { name: "GET /products/{id}", ms: 9 },
  { name: "POST /cart", ms: 42 },
  { name: "POST /orders", ms: 130 },
] as const;
/** Minutes in which the database was slow. */
const slow = { from: 24, to: 32 };

/** Numbers between 0 and 1 that are the same each time. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Sends an hour of a shop's requests, as any program with OpenTelemetry does. */
export async function sendTraffic({ url, token }: Receiver, nowMs: number): Promise<void> {
  const random = numbers(17);
  for (let minute = 0; minute < MINUTES; minute++) {
    const spans = Array.from({ length: PER_MINUTE }, () => request(random, minute, nowMs));
    const resource = { attributes: [{ key: "service.name", value: { stringValue: "shop-api" } }] };
    const body = JSON.stringify({ resourceSpans: [{ resource, scopeSpans: [{ spans }] }] });
    const headers = { "content-type": "application/json", authorization: `Bearer ${token}` };
    const answer = await fetch(`${url}/v1/traces`, { method: "POST", headers, body });
    if (!answer.ok) throw new Error(`cannot send spans: ${answer.status} ${await answer.text()}`);
  }
}

function request(random: () => number, minute: number, nowMs: number): object {
  const route = routes[Math.floor(random() ** 1.6 * routes.length)]!;
  const isSlow = minute >= slow.from && minute < slow.to && route.name.startsWith("POST");
  // Most take about so long, a few much longer.
  const spread = Math.exp((random() + random() + random() - 1.5) * 1.6);
  const ms = route.ms * spread * (isSlow ? 9 : 1);
  const failed = random() < (isSlow ? 0.2 : 0.008);
  const startNs = BigInt(Math.round((nowMs - (MINUTES - minute - random()) * 60_000) * 1000)) * 1000n;
  const hex = (length: number) => Array.from({ length }, () => Math.floor(random() * 16).toString(16)).join("");
  return {
    traceId: hex(32),
    spanId: hex(16),
    name: route.name,
    kind: 2,
    startTimeUnixNano: String(startNs),
    endTimeUnixNano: String(startNs + BigInt(Math.round(ms * 1e6))),
    status: failed ? { code: 2, message: "deadline exceeded" } : {},
    attributes: [{ key: "http.response.status_code", value: { intValue: failed ? "503" : "200" } }],
  };
}
