import { execFileSync } from "node:child_process";
import { closeSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport } from "@connectrpc/connect-node";
import { QueryService } from "@spanloom/protocol";
import { tempDir, waitFor } from "@spanloom/testing";
import { describe, expect, it } from "vitest";
import { startServer } from "../server.ts";
import { attribute, rowsOf, span, tracePayload } from "./ingest/otlp-fixture.ts";

const MB = 1024 * 1024;
/** Only who may mount has a disk small enough to be filled. */
const mayMount = process.platform === "linux" && process.getuid?.() === 0 && canMount();

function canMount(): boolean {
  using dir = tempDir();
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", dir.path], { stdio: "ignore" });
    execFileSync("umount", [dir.path]);
    return true;
  } catch {
    return false; // a container's root
  }
}

/** A disk of its own size, with a file that takes what is free of it. */
class SmallDisk implements Disposable {
  readonly #dir = tempDir();
  readonly path = this.#dir.path;
  readonly #ballast = join(this.path, "ballast");

  constructor(bytes: number) {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", this.path]);
  }

  /** Takes all room. */
  fill(): void {
    const file = openSync(this.#ballast, "a");
    try {
      for (const size of [MB, 4096]) while (this.#write(file, size));
    } finally {
      closeSync(file);
    }
  }

  #write(file: number, size: number): boolean {
    try {
      return writeSync(file, Buffer.alloc(size)) === size;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOSPC") return false;
      throw error;
    }
  }

  /** Gives the room back. */
  empty(): void {
    rmSync(this.#ballast);
  }

  [Symbol.dispose](): void {
    execFileSync("umount", ["-l", this.path]);
    this.#dir[Symbol.dispose]();
  }
}

describe.runIf(mayMount)("a server whose disk is full", () => {
  it("refuses telemetry with Retry-After, loses nothing it acknowledged, and goes on when there is room", async () => {
    using disk = new SmallDisk(256 * MB);
    await using server = await startServer({ dataDir: disk.path, log: () => undefined });
    const startNs = BigInt(Date.now()) * 1_000_000n;
    let made = 0;
    const taken: string[] = [];
    const send = async (): Promise<Response> => {
      const name = `span ${++made}`;
      const times = { startTimeUnixNano: startNs, endTimeUnixNano: startNs + 1n };
      const attributes = [attribute("padding", "x".repeat(100_000))];
      const body = new Uint8Array(tracePayload([span(made, { name, ...times, attributes })]));
      const headers = { "content-type": "application/x-protobuf" };
      const answer = await fetch(`${server.url}/v1/traces`, { method: "POST", headers, body });
      if (answer.status === 200) taken.push(name);
      return answer;
    };
    for (let round = 0; round < 3; round++) {
      for (let i = 0; i < 20; i++) expect((await send()).status).toBe(200);
      disk.fill();
      // Some may still go where a file has room.
      const refused = await waitFor(async () => {
        const answer = await send();
        return answer.status === 200 ? undefined : answer;
      });
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "1"]);
      expect(await refused.text()).toContain("cannot spool telemetry: the disk is full");
      disk.empty();
      expect((await send()).status).toBe(200);
      // The store may need a moment to notice.
      const found = await waitFor(() => spanNames(server.url).catch(() => undefined));
      expect(found).toEqual(taken.toSorted());
    }
  });

  it("stops when it is told to, and has what it acknowledged when it starts with room again", async () => {
    using disk = new SmallDisk(256 * MB);
    const dataDir = disk.path;
    const startNs = BigInt(Date.now()) * 1_000_000n;
    const bytes = tracePayload([span(1, { startTimeUnixNano: startNs, endTimeUnixNano: startNs + 1n })]);
    const server = await startServer({ dataDir, log: () => undefined });
    const headers = { "content-type": "application/x-protobuf" };
    const answer = await fetch(`${server.url}/v1/traces`, { method: "POST", headers, body: new Uint8Array(bytes) });
    expect(answer.status).toBe(200);
    disk.fill();
    await server.stop();
    disk.empty();
    await using again = await startServer({ dataDir, log: () => undefined });
    expect(await spanNames(again.url)).toEqual(["span 1"]);
  });
});

async function spanNames(url: string): Promise<unknown[]> {
  const query = createClient(QueryService, createConnectTransport({ baseUrl: url, httpVersion: "1.1" }));
  const found: unknown[] = [];
  for await (const { chunk } of query.querySpans({ columns: ["name"] }))
    found.push(...rowsOf(chunk!.ipc).map((row) => row.name));
  return found.sort();
}
