import { type DescMethod, fromJson, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { ErrorDetailSchema } from "@spanloom/protocol";
import type { Json, JsonObject } from "../cases/template.ts";
import { ArrowRows } from "./arrow-rows.ts";

/** What a call is made with. */
export interface CallOptions {
  transport: Transport;
  /** Request in protobuf's JSON. */
  request: Json;
  headers: Readonly<Record<string, string>>;
  timeoutMs: number;
  signal: AbortSignal;
}

/** How a call ended: with an answer, or with an error as `errorOf` writes it. */
export type CallOutcome = { answer: JsonObject } | { error: JsonObject };

/** A request that cannot be written as the message of its call: a defect of the case. */
export class RequestError extends Error {
  override readonly name = "RequestError";
}

/** Makes a unary call, whose promise never rejects. Errors: RequestError, thrown at once. */
export function callUnary(method: DescMethod, options: CallOptions): Promise<CallOutcome> {
  return answerOf(method as DescMethod & { methodKind: "unary" }, options, requestOf(method, options.request));
}

async function answerOf(
  method: DescMethod & { methodKind: "unary" },
  { transport, signal, timeoutMs, headers }: CallOptions,
  input: Message,
): Promise<CallOutcome> {
  try {
    const { message } = await transport.unary(method, signal, timeoutMs, headers, input as never);
    return { answer: asJson(method, message) };
  } catch (error) {
    return { error: errorOf(error) };
  }
}

/** What came of a server stream so far. */
export interface StreamState {
  /** Messages in order, without the bytes of Arrow. */
  messages: JsonObject[];
  /** Rows of all Arrow chunks. */
  rows: JsonObject[];
  /** The stream has ended, with or without an error. */
  ended: boolean;
  error?: JsonObject;
}

/** A server stream under way. */
export interface RunningStream {
  state: StreamState;
  /** Settles when it has ended; never rejects. */
  done: Promise<void>;
}

/** Starts a server stream; what it brings is added to the state as it comes. */
export function startStream(method: DescMethod, options: CallOptions): RunningStream {
  const input = requestOf(method, options.request);
  const state: StreamState = { messages: [], rows: [], ended: false };
  return { state, done: readStream(method, { ...options, input }, state) };
}

async function readStream(
  method: DescMethod,
  { transport, signal, timeoutMs, headers, input }: CallOptions & { input: Message },
  state: StreamState,
): Promise<void> {
  const streaming = method as DescMethod & { methodKind: "server_streaming" };
  const arrow = new ArrowRows();
  try {
    const answer = await transport.stream(streaming, signal, timeoutMs, headers, once(input) as never);
    for await (const message of answer.message) {
      const json = asJson(method, message as Message);
      state.rows.push(...arrow.take(json));
      state.messages.push(json);
    }
  } catch (error) {
    state.error = errorOf(error);
  }
  state.ended = true;
}

async function* once<Item>(item: Item): AsyncGenerator<Item> {
  yield item;
}

function requestOf(method: DescMethod, request: Json): Message {
  try {
    return fromJson(method.input, request as JsonValue);
  } catch (error) {
    throw new RequestError(`cannot write the request of ${method.name}: ${String(error)}`);
  }
}

/** A message with the names of `proto/` and without gaps: empty lists, zeros and first values of enums are there. */
function asJson(method: DescMethod, message: Message): JsonObject {
  return toJson(method.output, message, { useProtoFieldName: true, alwaysEmitImplicit: true }) as JsonObject;
}

/**
 * An error as case files expect it: `code` as in `not_found`, `message`, and of the ErrorDetail `reason` without its prefix,
 * `field`, `limit`, `actual`, `metadata`, `retry_after_ms`.
 */
export function errorOf(error: unknown): JsonObject {
  const failed = ConnectError.from(error);
  const code = (Code[failed.code] ?? "").replace(
    /[A-Z]/g,
    (letter, at) => `${at === 0 ? "" : "_"}${letter.toLowerCase()}`,
  );
  const [detail] = failed.findDetails(ErrorDetailSchema);
  if (!detail) return { code, message: failed.rawMessage };
  const fields = toJson(ErrorDetailSchema, detail, { useProtoFieldName: true }) as JsonObject;
  return { code, message: failed.rawMessage, ...fields, reason: String(fields.reason).replace(/^ERROR_REASON_/, "") };
}
