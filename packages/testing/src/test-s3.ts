import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * A small S3 in memory on loopback: path-style objects of one bucket, listing by pages of two.
 *
 * It refuses requests that carry no Signature Version 4 of the given key; it does not compute the signature.
 */
export class TestS3 {
  readonly bucket = "test-bucket";
  readonly accessKeyId = "test-key";
  readonly objects = new Map<string, Buffer>();
  /** Requests as `METHOD /path?query`. */
  readonly requests: string[] = [];
  /** Answers the next requests with these statuses instead. */
  readonly failures: number[] = [];
  readonly #server: Server;

  private constructor() {
    this.#server = createServer((request, response) => void this.#serve(request, response));
  }

  /** Starts one. */
  static async start(): Promise<TestS3> {
    const s3 = new TestS3();
    s3.#server.listen(0, "127.0.0.1");
    await once(s3.#server, "listening");
    return s3;
  }

  /** Base URL. */
  get endpoint(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends it. */
  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.requests.push(`${request.method} ${request.url}`);
    const url = new URL(request.url ?? "", "http://s3");
    const [, bucket, ...rest] = url.pathname.split("/");
    const key = decodeURIComponent(rest.join("/"));
    const failure = this.failures.shift();
    if (failure !== undefined) return answer(response, failure, "<Error><Code>Injected</Code></Error>");
    if (!this.#isSigned(request)) return answer(response, 403, "<Error><Code>SignatureDoesNotMatch</Code></Error>");
    if (bucket !== this.bucket) return answer(response, 404, "<Error><Code>NoSuchBucket</Code></Error>");
    if (key === "") return answer(response, 200, this.#list(url.searchParams));
    this.#object(key, { method: request.method, body: Buffer.concat(chunks) }, response);
  }

  #isSigned({ headers }: IncomingMessage): boolean {
    const pattern = new RegExp(
      `^AWS4-HMAC-SHA256 Credential=${this.accessKeyId}/\\d{8}/[\\w-]+/s3/aws4_request, SignedHeaders=\\S+, Signature=[0-9a-f]{64}$`,
    );
    return pattern.test(headers.authorization ?? "") && headers["x-amz-date"] !== undefined;
  }

  #object(
    key: string,
    { method, body }: { method?: string | undefined; body: Buffer },
    response: ServerResponse,
  ): void {
    if (method === "PUT") this.objects.set(key, body);
    if (method === "DELETE") this.objects.delete(key);
    if (method === "PUT" || method === "DELETE") {
      answer(response, method === "PUT" ? 200 : 204, "");
      return;
    }
    const found = this.objects.get(key);
    answer(response, found ? 200 : 404, found ?? "<Error><Code>NoSuchKey</Code></Error>");
  }

  #list(query: URLSearchParams): string {
    const keys = [...this.objects.keys()].filter((key) => key.startsWith(query.get("prefix") ?? "")).sort();
    const from = Number(query.get("continuation-token")?.replace("page &", "") ?? 0);
    const contents = keys.slice(from, from + 2).map((key) => `<Contents><Key>${key}</Key></Contents>`);
    const more = from + 2 < keys.length;
    const token = more ? `<NextContinuationToken>page &amp;${from + 2}</NextContinuationToken>` : "";
    return `<?xml version="1.0"?><ListBucketResult><IsTruncated>${more}</IsTruncated>${contents.join("")}${token}</ListBucketResult>`;
  }
}

function answer(response: ServerResponse, status: number, body: string | Buffer): void {
  response.writeHead(status, { "content-type": typeof body === "string" ? "application/xml" : "binary/octet-stream" });
  response.end(body);
}
