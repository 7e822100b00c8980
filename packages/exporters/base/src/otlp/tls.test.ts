import { OtlpGrpcPeer, OtlpPeer, sampleTraces, testCertificates } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { OtlpExporter } from "./otlp-exporter.ts";
import type { OtlpProtocol, OtlpTls } from "./otlp-options.ts";

const [server, client] = testCertificates;

/** A peer that wants the client's certificate. */
const wantsClient = { ...server, ca: client.cert, requestCert: true, rejectUnauthorized: true };

interface Peer extends AsyncDisposable {
  readonly url: string;
  readonly spanNames: readonly string[];
}

const peers: [OtlpProtocol, (tls: typeof wantsClient | typeof server) => Promise<Peer>][] = [
  ["http/protobuf", (tls) => new OtlpPeer({}, tls).start()],
  ["grpc", (tls) => new OtlpGrpcPeer(tls).start()],
];

describe.each(peers)("%s over TLS", (protocol, start) => {
  const send = async (peer: Peer, tls: OtlpTls) => {
    const exporter = new OtlpExporter({ endpoint: peer.url, protocol, tls, timeoutMs: 5_000 });
    const result = await exporter.export(sampleTraces("a"));
    await exporter.shutdown();
    return result;
  };

  it("trusts the authority it is given, and nobody else; certificates may be replaced, so others are tried again", async () => {
    await using peer = await start(server);
    expect(await send(peer, { ca: server.cert })).toEqual({ outcome: "exported" });
    expect(peer.spanNames).toEqual(["a"]);
    const refused = {
      outcome: "retry",
      message: expect.stringMatching(/cannot export to https:.*self-signed certificate/),
    };
    expect(await send(peer, { ca: client.cert })).toMatchObject(refused);
    expect(await send(peer, {})).toMatchObject(refused);
    expect(peer.spanNames).toEqual(["a"]);
  });

  it("shows its own certificate to an endpoint that asks for one", async () => {
    await using peer = await start(wantsClient);
    expect(await send(peer, { ca: server.cert, cert: client.cert, key: client.key })).toEqual({ outcome: "exported" });
    expect(await send(peer, { ca: server.cert })).toMatchObject({ outcome: expect.stringMatching(/failed|retry/) });
    expect(peer.spanNames).toEqual(["a"]);
  });
});
