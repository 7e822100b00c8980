import { readFile } from "node:fs/promises";

/**
 * Posts each line of a file of export requests in OTLP's JSON, as the OTLP File Exporter writes them.
 *
 * `url` is the base URL of an endpoint. Errors: an Error with the status when a request is refused.
 */
export async function sendOtlpLines(file: string, url: string): Promise<void> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line !== "");
  for (const body of lines) {
    const answer = await fetch(`${url}/v1/traces`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    if (!answer.ok) throw new Error(`cannot send spans: ${answer.status} ${await answer.text()}`);
  }
}
