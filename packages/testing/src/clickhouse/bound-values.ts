/** Values of a statement's `{name:Type}` places, read from the escaped text they travel in over HTTP. */
export function boundValues(sql: string, textOf: (name: string) => string | null): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const [, name = "", type = ""] of sql.matchAll(/\{(\w+):([\w()]+)\}/g)) {
    const text = textOf(name);
    if (text !== null) values[name] = type.startsWith("Array(") ? listOf(text) : unescaped(text);
  }
  return values;
}

/** A list of quoted texts or plain numbers. */
function listOf(text: string): (string | number)[] {
  const items = text.slice(1, -1).matchAll(/'((?:[^'\\]|\\.)*)'|([^,]+)/gs);
  return [...items].map(([, quoted, plain]) => (quoted === undefined ? Number(plain) : unescaped(quoted)));
}

const ESCAPES: Readonly<Record<string, string>> = { t: "\t", n: "\n", r: "\r", "0": "\0", b: "\b", f: "\f" };

function unescaped(text: string): string {
  return text.replace(/\\(.)/gs, (_, letter: string) => ESCAPES[letter] ?? letter);
}
