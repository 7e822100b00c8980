import { SpanloomError } from "@spanloom/protocol";

/** Who could reach the server, and what stands in their way. */
export interface Exposure {
  /** Address or name to listen on. */
  host: string;
  token?: string | undefined;
  tokensFile?: string | undefined;
  /** Whether the operator takes the risk. */
  insecure?: boolean | undefined;
}

/** Whether only processes of this machine can reach an address. */
export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** Refuses to serve other machines without a token, unless told to. Errors: INVALID_STATE. */
export function checkExposure({ host, token, tokensFile, insecure }: Exposure): void {
  if (isLoopback(host) || token !== undefined || tokensFile !== undefined || insecure) return;
  throw new SpanloomError(
    "INVALID_STATE",
    `cannot listen on "${host}": other machines could reach it without a token; set --token or SPANLOOM_TOKEN, or --tokens-file, or pass --insecure`,
    { field: "host" },
  );
}
