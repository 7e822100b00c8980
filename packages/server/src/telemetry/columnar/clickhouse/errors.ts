import { ClickHouseError } from "@clickhouse/client";
import { SpanloomError } from "@spanloom/protocol";
import { fromEngineError } from "../engine-error.ts";

/** ClickHouse codes that say the server cannot answer now: starting, read-only replica, lost keeper, time-outs, network. */
const AWAY_CODES = new Set([159, 209, 210, 242, 225, 319, 236, 999, 279, 364]);
/** Codes of a user or password that is wrong. */
const ACCESS_CODES = new Set([192, 193, 194, 497, 516]);

/** What went wrong between this server and ClickHouse as one of our errors. Without an answer it is taken to be away. */
export function fromClickHouseError(error: unknown, doing: string): SpanloomError {
  if (error instanceof SpanloomError) return error;
  if (!(error instanceof ClickHouseError)) return unavailable(error, doing);
  const code = Number(error.code);
  if (AWAY_CODES.has(code)) return unavailable(error, doing);
  if (ACCESS_CODES.has(code)) {
    const message = `cannot ${doing}: ClickHouse refuses user or password: ${error.message.slice(0, 300)}`;
    return new SpanloomError("INVALID_STATE", message, {}, { cause: error });
  }
  return fromEngineError(Object.assign(new Error(error.message), { clickhouseCode: code, cause: error }), doing);
}

function unavailable(error: unknown, doing: string): SpanloomError {
  const said = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
  const message = `cannot ${doing}: ClickHouse: ${String(said).slice(0, 1000)}`;
  return new SpanloomError("TELEMETRY_UNAVAILABLE", message, {}, { cause: error });
}
