/** Headers whose values name something, and are worth telling: a dataset, a tenant, a group of logs. */
const HARMLESS = /^(content-|host$|user-agent$|x-amz-(date|content))|dataset|org-?id|log-(group|stream)|user-project/;

/** Shorter values stand in any text. */
const SHORTEST_SECRET = 5;

/** Most of a reason that is told, in characters. */
const MAX_TOLD = 300;

/**
 * Text of a backend or library as a message may have it: on one line, not too long, and without what headers and a URL
 * would give away, as backends quote keys they refuse, and messages are logged.
 */
export function tellable(text: string, headers: Readonly<Record<string, string>>, url: URL): string {
  const line = secretsIn(headers, url).reduce((left, secret) => left.replaceAll(secret, "…"), onOneLine(text));
  // A secret that is cut off would not be found any more.
  return line.length > MAX_TOLD ? `${line.slice(0, MAX_TOLD)}…` : line;
}

function onOneLine(text: string): string {
  return text.replace(/[\p{C}\s]+/gu, " ").trim();
}

/**
 * Values, of `Bearer xyz` also what follows the scheme, of `Basic xyz` also the password; the longest first, as one may be
 * a part of another.
 */
function secretsIn(headers: Readonly<Record<string, string>>, url: URL): string[] {
  const ofHeaders = Object.entries(headers)
    .filter(([name]) => !HARMLESS.test(name.toLowerCase()))
    .flatMap(([, value]) => [value, value.replace(/^\S+\s+/, ""), passwordIn(value)]);
  return [...ofHeaders, url.password, url.username, decoded(url.password), decoded(url.username)]
    .map(onOneLine)
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .sort((a, b) => b.length - a.length);
}

function passwordIn(value: string): string {
  const [, credentials = ""] = /^basic\s+(\S+)$/i.exec(value) ?? [];
  return Buffer.from(credentials, "base64")
    .toString("utf8")
    .replace(/^[^:]*:/, "");
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    // It was never encoded, and stands in the list as it is.
    return part;
  }
}
