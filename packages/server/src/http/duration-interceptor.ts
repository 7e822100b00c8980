import { ConnectError, type Interceptor } from "@connectrpc/connect";
import { type CallDurations, CODE_OK, type RpcSystem } from "./call-durations.ts";

/** How a call was made, by the content type of its request. */
export function systemOf(headers: Headers): RpcSystem {
  return headers.get("content-type")?.startsWith("application/grpc") ? "grpc" : "connectrpc";
}

/** Notes how long calls took that go through Connect's own machinery; a stream is over when its last message left. */
export function durationInterceptor(calls: CallDurations): Interceptor {
  return (next) => async (request) => {
    const startedAtMs = performance.now();
    const end = (code: number): void =>
      calls.ended(systemOf(request.header), `${request.service.typeName}/${request.method.name}`, code, startedAtMs);
    try {
      const response = await next(request);
      if (response.stream) return { ...response, message: watched(response.message, end) };
      end(CODE_OK);
      return response;
    } catch (error) {
      end(ConnectError.from(error).code);
      throw error;
    }
  };
}

async function* watched<T>(messages: AsyncIterable<T>, end: (code: number) => void): AsyncIterable<T> {
  let code = CODE_OK;
  try {
    yield* messages;
  } catch (error) {
    code = ConnectError.from(error).code;
    throw error;
  } finally {
    end(code);
  }
}
