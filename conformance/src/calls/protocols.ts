import type { Interceptor, Transport } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport, createGrpcWebTransport } from "@connectrpc/connect-node";

/** Ways to make a call: Connect with binary messages, Connect with JSON, gRPC over HTTP/2, gRPC-Web. */
export const protocols = ["connect", "json", "grpc", "grpc-web"] as const;

export type Protocol = (typeof protocols)[number];

/** Makes the transport of a protocol; gRPC has one HTTP/2 connection for all calls, the others as many as they need. */
export function createTransport(protocol: Protocol, url: string, token: string | undefined): Transport {
  const options = { baseUrl: url, interceptors: token === undefined ? [] : [authorize(token)] };
  switch (protocol) {
    case "connect":
      return createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: true });
    case "json":
      return createConnectTransport({ ...options, httpVersion: "1.1", useBinaryFormat: false });
    case "grpc":
      return createGrpcTransport(options);
    case "grpc-web":
      return createGrpcWebTransport({ ...options, httpVersion: "1.1" });
  }
}

/** Sends a token, unless a case sends another. */
function authorize(token: string): Interceptor {
  return (next) => (request) => {
    if (!request.header.has("authorization")) request.header.set("authorization", `Bearer ${token}`);
    return next(request);
  };
}
