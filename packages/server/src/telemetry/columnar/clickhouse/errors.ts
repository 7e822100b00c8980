import { ClickHouseError } from "@clickhouse/client";
import { SpanloomError } from "@spanloom/protocol";
import { fromEngineError, fromInsertError } from "../engine-error.ts";

/**
 * ClickHouse codes that say that the server cannot answer now: starting, stopping, read-only replica, replicas or shards
 * away, lost keeper, time-outs, network, tables that others are changing.
 */
const AWAY_CODES = new Set([
  159, 160, 198, 203, 209, 210, 225, 236, 242, 244, 254, 265, 279, 285, 286, 289, 305, 319, 335, 364, 369, 394, 473,
  517, 529, 571, 574, 692, 733, 735, 745, 999,
]);
/** Codes of a user or password that is wrong, or who may not connect from here. */
const LOGIN_CODES = new Set([192, 193, 194, 195, 516]);
/** Codes of what the user may not do: a read-only user, a grant that is missing, a setting that is fixed. */
const RIGHTS_CODES = new Set([164, 291, 452, 497]);
/** Codes of a setting or type that is not known. */
const OLD_CODES = new Set([50, 115]);
/** Codes of a table or database that is not there. */
const MISSING_CODES = new Set([60, 81, 218]);
/** Code of an insert that came while another was waiting for its quorum: nothing was taken. */
const QUORUM_BUSY = 286;
const OLDEST = "25.11";
/** No number: not an error that ClickHouse told. */
const NONE = -1;

/** What went wrong between this server and ClickHouse as one of our errors. Without an answer it is taken to be away. */
export function fromClickHouseError(error: unknown, doing: string): SpanloomError {
  return convert(error, doing, fromEngineError);
}

/** As {@link fromClickHouseError}, of an insert: INTERNAL only when these rows would be refused again. */
export function fromClickHouseInsertError(error: unknown, doing: string): SpanloomError {
  return convert(error, doing, fromInsertError);
}

/** As {@link fromClickHouseError}, of making tables. */
export function fromSchemaError(error: unknown, doing: string): SpanloomError {
  if (OLD_CODES.has(codeOf(error))) {
    return invalid(error as Error, `${doing}: ClickHouse ${OLDEST} or newer is needed`);
  }
  return fromClickHouseError(error, doing);
}

/** Whether the tables are gone, so that they must be made again. */
export function areTablesGone(error: unknown): boolean {
  return MISSING_CODES.has(codeOf(error));
}

/** Whether an insert may be made again at once: it came while another was at work. */
export function isQuorumBusy(error: unknown): boolean {
  return codeOf(error) === QUORUM_BUSY;
}

function convert(error: unknown, doing: string, fromEngine: typeof fromEngineError): SpanloomError {
  if (error instanceof SpanloomError) return error;
  const code = codeOf(error);
  if (!(error instanceof Error) || code === NONE || AWAY_CODES.has(code)) return unavailable(error, doing);
  if (LOGIN_CODES.has(code)) return invalid(error, `${doing}: ClickHouse refuses user or password`);
  if (RIGHTS_CODES.has(code)) return invalid(error, `${doing}: ClickHouse does not let its user do that`);
  return fromEngine(Object.assign(new Error(error.message), { clickhouseCode: code, cause: error }), doing);
}

/** ClickHouse's number of an error, also of one whose words the client does not know as an error of its. */
function codeOf(error: unknown): number {
  if (error instanceof ClickHouseError) return Number(error.code);
  const [, code] = /^Code: (\d+)\. DB::/.exec(error instanceof Error ? error.message : "") ?? [];
  return code === undefined ? NONE : Number(code);
}

function invalid(error: Error, what: string): SpanloomError {
  return new SpanloomError("INVALID_STATE", `cannot ${what}: ${error.message.slice(0, 300)}`, {}, { cause: error });
}

function unavailable(error: unknown, doing: string): SpanloomError {
  const said = error instanceof Error ? error.message || (error as NodeJS.ErrnoException).code : String(error);
  const message = `cannot ${doing}: ClickHouse: ${String(said).slice(0, 1000)}`;
  return new SpanloomError("TELEMETRY_UNAVAILABLE", message, {}, { cause: error });
}
