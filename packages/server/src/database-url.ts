import { SpanloomError } from "@spanloom/protocol";

/**
 * Refuses what is no URL of a PostgreSQL database; returns it otherwise.
 *
 * The text may hold a password, also when it is malformed, so messages name `source` and do not quote it.
 * Errors: INVALID_FIELD.
 */
export function checkDatabaseUrl(source: string, text: string): string {
  const why = whyNoDatabase(URL.parse(text));
  if (why === undefined) return text;
  const message = `cannot use ${source}: ${why}; write postgres://user:password@host:port/database`;
  throw new SpanloomError("INVALID_FIELD", message, { field: source });
}

function whyNoDatabase(url: URL | null): string | undefined {
  if (url === null) return "it is no URL";
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== "postgres" && scheme !== "postgresql") return `its scheme is "${scheme}"`;
  return url.pathname.length > 1 ? undefined : "it names no database";
}
