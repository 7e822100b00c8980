import { Code } from "@connectrpc/connect";
import type { Distribution } from "@spanloom/metrics";

/** How the server was called; OpenTelemetry's names. */
export type RpcSystem = "connectrpc" | "grpc";

/** Makes the series of one way to call a method and one way for it to end. */
export type NewCallSeries = (system: RpcSystem, method: string, status: string) => Distribution;

/** gRPC's number of success, which Connect's codes lack. */
export const CODE_OK = 0;

/** How long calls took, by how they were made, what they called and how they ended. */
export class CallDurations {
  readonly #newSeries: NewCallSeries;
  readonly #series: Record<RpcSystem, Map<string, Distribution[]>> = { connectrpc: new Map(), grpc: new Map() };

  constructor(newSeries: NewCallSeries) {
    this.#newSeries = newSeries;
  }

  /** Notes a call that began at a time of `performance.now()` and ends now. */
  ended(system: RpcSystem, method: string, code: number, startedAtMs: number): void {
    let byCode = this.#series[system].get(method);
    if (!byCode) {
      byCode = [];
      this.#series[system].set(method, byCode);
    }
    byCode[code] ??= this.#newSeries(system, method, statusName(code));
    byCode[code].record((performance.now() - startedAtMs) / 1_000);
  }
}

/** gRPC's name of how a call ended: `DeadlineExceeded` is `DEADLINE_EXCEEDED`. It spells CANCELLED what is `canceled` to Connect. */
export function statusName(code: number): string {
  if (code === CODE_OK) return "OK";
  if (code === Code.Canceled) return "CANCELLED";
  return (Code[code] ?? "UNKNOWN").replace(/(?<=[a-z])(?=[A-Z])/g, "_").toUpperCase();
}
