import { SpanloomError } from "@spanloom/protocol";
import { MAX_GROUPS } from "../query/group-limit.ts";

/** ClickHouse codes of a resource that is full: memory, disk, queries. */
const OVERLOAD_CODES = new Set([241, 243, 202, 252]);
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
  if (code !== undefined && OVERLOAD_CODES.has(code))
    return new SpanloomError("OVERLOADED", message, {}, { cause: error });
  if (code === REGEXP_CODE) return regexError(text, error);
  if (code !== undefined && GROUP_CODES.has(code)) return groupError(error);
  return new SpanloomError("INTERNAL", message, {}, { cause: error });
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

function engineCode(error: unknown, text: string): number | undefined {
  const own = (error as { clickhouseCode?: unknown } | null)?.clickhouseCode;
  if (typeof own === "number") return own;
  const match = /Code: (\d+)/.exec(text);
  return match ? Number(match[1]) : undefined;
}
