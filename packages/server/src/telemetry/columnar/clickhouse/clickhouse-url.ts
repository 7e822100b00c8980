import { SpanloomError } from "@spanloom/protocol";

/** What begins a parameter that is a setting of every statement. */
const SETTING = "clickhouse_setting_";

/**
 * A ClickHouse URL as the client takes it: `http(s)://user:password@host:port?clickhouse_setting_<name>=<value>`.
 *
 * Errors: INVALID_FIELD naming where it came from and never holding what may be a password.
 */
export function checkClickHouseUrl(source: string, text: string): string {
  const wanted = "it must be http://user:password@host:port or https://...";
  const url = URL.parse(text);
  if (!url || !["http:", "https:"].includes(url.protocol) || url.hostname === "") throw refuse(source, wanted);
  if (url.pathname !== "/" || url.hash !== "") {
    throw refuse(source, `${wanted}, without path: the tables are in a database of their own`);
  }
  if ([...url.searchParams.keys()].some((name) => !name.startsWith(SETTING))) {
    throw refuse(source, `${wanted}, with no parameter but ${SETTING}<name>`);
  }
  return text;
}

/** The URL as messages may show it. */
export function shownUrl(text: string): string {
  const { protocol, host } = new URL(text);
  return `${protocol}//${host}`;
}

function refuse(source: string, why: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use ${source}: ${why}`, { field: source });
}
