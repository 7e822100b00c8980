import { SpanloomError } from "@spanloom/protocol";
import { MAX_GROUPS } from "../query/group-limit.ts";

/** ClickHouse codes of a resource that is full: memory, disk, queries. */
const OVERLOAD_CODES = new Set([241, 243, 202, 252]);
/** How the engine says in passing that the disk is full: the code is of whatever it was doing. */
const DISK_FULL = /errno: 28\b|No space left on device/;
/**
 * ClickHouse codes with which rows themselves are refused: they cannot be read, or do not fit their columns. They would
 * be refused again. Everything else that befalls an insert is the engine's, and passes or is mended.
 */
const ROW_CODES = new Set([
  6, 8, 10, 16, 20, 26, 27, 32, 33, 36, 38, 41, 43, 44, 47, 49, 50, 53, 69, 70, 72, 117, 128, 131, 190, 349, 469, 636,
]);
/** ClickHouse code of a regular expression that cannot be compiled. */
const REGEXP_CODE = 427;
/** ClickHouse codes of too many groups: of one thread, and as the statement counts them. */
const GROUP_CODES = new Set([158, 395]);

/** An engine error as one of ours. */
export function fromEngineError(error: unknown, doing: string): SpanloomError {
  if (error instanceof SpanloomError) return error;
  const text = error instanceof Error ? error.message : String(error);
  const code = engineCode(error, text);
  const message = `cannot ${doing}: ${text.slice(0, 1000)}`;
  if ((code !== undefined && OVERLOAD_CODES.has(code)) || DISK_FULL.test(text))
    return new SpanloomError("OVERLOADED", message, {}, { cause: error });
  if (code === REGEXP_CODE) return regexError(text, error);
  if (code !== undefined && GROUP_CODES.has(code)) return groupError(error);
  return new SpanloomError("INTERNAL", message, {}, { cause: error });
}

/** An engine error of an insert: INTERNAL only when it would be the same again with these rows. */
export function fromInsertError(error: unknown, doing: string): SpanloomError {
  const known = fromEngineError(error, doing);
  if (error instanceof SpanloomError || known.reason === "OVERLOADED") return known;
  const code = engineCode(error, error instanceof Error ? error.message : "");
  if (code !== undefined && ROW_CODES.has(code)) return known;
  return new SpanloomError("TELEMETRY_UNAVAILABLE", known.message, {}, { cause: error });
}

/** What RE2 says of the expression, without the engine's own words around it. */
function regexError(text: string, cause: unknown): SpanloomError {
  const said = /cannot compile re2: ([\s\S]*), error: ([\s\S]*?)\. Look at/.exec(text);
  const why = said ? `regex is "${said[1]}", which RE2 refuses: ${said[2]}` : "a regex is not valid RE2";
  return new SpanloomError("INVALID_FIELD", `cannot query: ${why}`, { field: "regex" }, { cause });
}

function groupError(cause: unknown): SpanloomError {
  const message = `cannot query: group_by gives more than ${MAX_GROUPS} groups: narrow the filter or group by less`;
  return new SpanloomError("LIMIT_EXCEEDED", message, { field: "group_by", limit: MAX_GROUPS }, { cause });
}

/** The engine's number of an error, from a client's field or from its words. */
export function engineCode(error: unknown, text = String(error)): number | undefined {
  const { clickhouseCode, code } = (error ?? {}) as { clickhouseCode?: unknown; code?: unknown };
  if (typeof clickhouseCode === "number") return clickhouseCode;
  // The client's own errors have the number as text, those of the network names like ECONNRESET.
  if (typeof code === "string" && /^\d+$/.test(code)) return Number(code);
  const match = /Code: (\d+)/.exec(text);
  return match ? Number(match[1]) : undefined;
}
