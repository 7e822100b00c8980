/** Longest wait for the one who has a port to say who it is. */
const ANSWER_MS = 2_000;

/** Whether a Spanloom server answers at an address of this machine, without TLS. Never rejects. */
export async function isSpanloomAt(host: string, port: number): Promise<boolean> {
  try {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await fetch(`http://${addressText(host, port)}/healthz`, { signal });
    return answer.ok && (await answer.text()).trim() === "ok";
  } catch {
    // Whoever does not answer so is no server of ours.
    return false;
  }
}

/** An address as URLs have it. */
export function addressText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
