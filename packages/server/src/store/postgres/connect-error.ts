import { SpanloomError } from "@spanloom/protocol";

/** A database as messages name it: everything of its URL but the password and options. */
export function describeDatabase(url: string): string {
  const { hostname, port, pathname, username, searchParams } = new URL(url);
  const host = searchParams.get("host") ?? decodeURIComponent(hostname);
  const place = host.startsWith("/") ? host : `${host || "localhost"}:${port || "5432"}`;
  const user = username === "" ? "" : ` as user "${decodeURIComponent(username)}"`;
  return `PostgreSQL database "${decodeURIComponent(pathname.slice(1))}" at ${place}${user}`;
}

/** What to do about a refusal, by SQLSTATE. */
const remedies: Readonly<Record<string, string>> = {
  "28P01": "check the user and the password in SPANLOOM_DATABASE_URL",
  "28000": "check the user in SPANLOOM_DATABASE_URL, and pg_hba.conf",
  "3D000": "create the database, or check its name in SPANLOOM_DATABASE_URL",
  "42501": "grant the user CONNECT and CREATE on the database",
};

/** SQLSTATEs of a server that is full, starting or stopping. */
const passing = new Set(["53300", "57P01", "57P02", "57P03"]);

/** A failed connection as the catalogue's error: why, and what to do. */
export function explainConnectError(error: unknown, url: string): SpanloomError {
  const { code, message } = firstCause(error);
  const what = `cannot connect to ${describeDatabase(url)}: ${withoutPassword(message || code, url)}`;
  const remedy = remedies[code];
  if (remedy !== undefined) return new SpanloomError("INVALID_STATE", `${what}; ${remedy}`, {}, { cause: code });
  const hint = passing.has(code) ? "try again later" : "check that it runs and that the address is right";
  return new SpanloomError("STORE_UNAVAILABLE", `${what}; ${hint}`, {}, { cause: code });
}

/** A name with several addresses fails with one error for each; the first tells enough. */
function firstCause(error: unknown): { code: string; message: string } {
  const cause = error instanceof AggregateError ? error.errors[0] : error;
  if (!(cause instanceof Error)) return { code: "", message: String(cause) };
  return { code: "code" in cause ? String(cause.code) : "", message: cause.message };
}

function withoutPassword(message: string, url: string): string {
  const password = decodeURIComponent(new URL(url).password);
  return password === "" ? message : message.replaceAll(password, "***");
}
