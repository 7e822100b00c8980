import { Agent, request } from "node:http";

/** What came of sending. */
export interface SendOutcome {
  requests: number;
  bytes: number;
  /** Requests sent again because the server asked for it. */
  repeated: number;
}

/**
 * Posts payloads to an OTLP/HTTP endpoint over several connections, each with one request in flight.
 *
 * A payload the server cannot take now (429, 503) is sent again after the time it asks for, as OTLP wants.
 * Errors: any other status than 200.
 */
export async function sendPayloads(
  url: string,
  payloads: Iterator<Uint8Array>,
  connections: number,
): Promise<SendOutcome> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const outcome: SendOutcome = { requests: 0, bytes: 0, repeated: 0 };
  const work = async () => {
    for (let next = payloads.next(); !next.done; next = payloads.next()) {
      outcome.repeated += await sendUntilTaken(agent, `${url}/v1/traces`, next.value);
      outcome.requests++;
      outcome.bytes += next.value.length;
    }
  };
  try {
    await Promise.all(Array.from({ length: connections }, work));
  } finally {
    agent.destroy();
  }
  return outcome;
}

async function sendUntilTaken(agent: Agent, url: string, body: Uint8Array): Promise<number> {
  for (let repeated = 0; ; repeated++) {
    const { status, retryAfterMs, text } = await post(agent, url, body);
    if (status === 200) return repeated;
    if (status !== 429 && status !== 503) throw new Error(`cannot send spans: the server answered ${status} ${text}`);
    await new Promise((resolve) => setTimeout(resolve, retryAfterMs));
  }
}

function post(
  agent: Agent,
  url: string,
  body: Uint8Array,
): Promise<{ status: number; retryAfterMs: number; text: string }> {
  const headers = { "content-type": "application/x-protobuf", "content-length": body.length };
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: "POST", agent, headers }, (response) => {
      let text = "";
      response.setEncoding("latin1");
      response.on("data", (part: string) => {
        text += part;
      });
      response.on("error", reject);
      response.on("end", () => {
        const retryAfterMs = Number(response.headers["retry-after"] ?? 0.1) * 1000;
        resolve({ status: response.statusCode ?? 0, retryAfterMs, text });
      });
    });
    sent.on("error", reject);
    sent.end(body);
  });
}
