import { request as plainRequest } from "node:http";
import { request as tlsRequest } from "node:https";
import { isJsonObject, type Json, type JsonObject } from "../cases/template.ts";

/** What `http:` of a step may say. */
export interface HttpRequest {
  url: string;
  token: string | undefined;
  /** `method` (POST), `path`, `headers`, and a body: `body` as text, `json`, or `size` zeros. */
  request: JsonObject;
  timeoutMs: number;
  signal: AbortSignal;
}

/** Sends one request of HTTP/1.1 as it stands; returns `status`, `headers`, `text`, and `json` when the text is JSON. */
export function sendHttp({ url, token, request, timeoutMs, signal }: HttpRequest): Promise<JsonObject> {
  const target = new URL(String(request.path ?? "/"), url);
  const body = bodyOf(request);
  const headers = {
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
    ...(body ? { "content-length": String(body.length) } : {}),
    ...textFields(request.headers),
  };
  const send = target.protocol === "https:" ? tlsRequest : plainRequest;
  return new Promise((resolve, reject) => {
    const call = send(
      target,
      { method: String(request.method ?? "POST"), headers, agent: false, signal, timeout: timeoutMs },
      (answer) => {
        const parts: Buffer[] = [];
        answer.on("data", (part: Buffer) => parts.push(part));
        answer.on("error", reject);
        answer.on("end", () => {
          const text = Buffer.concat(parts).toString();
          resolve({ status: answer.statusCode ?? 0, headers: textFields(answer.headers), text, ...jsonOf(text) });
        });
      },
    );
    call.on("timeout", () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
    // A server may answer a body that is too large and close before all of it was sent.
    call.on("error", reject);
    call.end(body);
  });
}

function bodyOf({ body, json, size }: JsonObject): Buffer | undefined {
  if (size !== undefined) return Buffer.alloc(Number(size), "0");
  if (json !== undefined) return Buffer.from(JSON.stringify(json));
  return body === undefined ? undefined : Buffer.from(String(body));
}

function textFields(value: unknown): Record<string, string> {
  const fields = isJsonObject(value as Json) ? (value as JsonObject) : {};
  return Object.fromEntries(Object.entries(fields).map(([name, text]) => [name.toLowerCase(), String(text)]));
}

function jsonOf(text: string): JsonObject {
  try {
    return { json: JSON.parse(text) as Json };
  } catch {
    // Not every answer is JSON; cases that want it say so.
    return {};
  }
}
