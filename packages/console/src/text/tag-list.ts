/** Tags as one text, `key=value` with commas between, as they are typed and stand in URLs. */
export function formatTags(tags: Readonly<Record<string, string>>): string {
  return Object.entries(tags)
    .map(([key, value]) => `${key}=${value}`)
    .join(", ");
}

/** The tags of such a text; what has no `=` is a key with an empty value, what has no key is left out. */
export function parseTags(text: string): Record<string, string> {
  const entries = text
    .split(",")
    .map((part) => part.trim())
    .filter((part) => part !== "" && !part.startsWith("="))
    .map((part) => {
      const at = part.indexOf("=");
      return at < 0 ? [part, ""] : [part.slice(0, at).trim(), part.slice(at + 1).trim()];
    });
  return Object.fromEntries(entries) as Record<string, string>;
}
