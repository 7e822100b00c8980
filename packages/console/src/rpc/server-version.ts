/** Version of the server, as it tells anyone. Errors: TypeError when it is out of reach. */
export async function loadServerVersion(signal: AbortSignal): Promise<string | undefined> {
  const { headers } = await fetch("/healthz", { signal, cache: "no-store" });
  return headers.get("spanloom-version") ?? undefined;
}
