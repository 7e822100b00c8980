import type { Transport } from "@connectrpc/connect";
import type { Scratch } from "./file/scratch.ts";
import { openScratchFile } from "./file/scratch-file.ts";

/**
 * What differs between Node and a browser, for Node. The condition `browser` of this package's `./platform` picks
 * platform-browser.ts instead, so that nothing of Node is in a page's bundle.
 */

export { encoderOf, writeFile } from "./to-file.ts";

/** A scratch in the folder for temporary files. */
export async function openScratch(): Promise<Scratch> {
  const [{ tmpdir }, { join }] = await Promise.all([import("node:os"), import("node:path")]);
  return openScratchFile(join(tmpdir(), "spanloom"));
}

/** The server asked when none is named. */
export function defaultUrl(): string {
  return "http://127.0.0.1:7171";
}

/** A transport to a server over HTTP/1.1. Loaded when first used, as many programs bring their own. */
export async function transportTo(baseUrl: string, compression: boolean): Promise<Transport> {
  const { createConnectTransport } = await import("@connectrpc/connect-node");
  return createConnectTransport({
    baseUrl,
    httpVersion: "1.1",
    useBinaryFormat: true,
    ...(!compression && { acceptCompression: [] }),
  });
}
