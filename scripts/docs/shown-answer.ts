/**
 * Compares an answer as a page shows it with the one that a program got.
 *
 * Both must be the same, but for
 * - what the page leaves out: `...` as the last of fields, entries or lines stands for any more of them, and at the end of
 *   a text for the rest of it;
 * - what differs from run to run: ids, which must be told apart in the same way throughout a page, and times of the clock,
 *   that is those with a fraction of a second, and numbers of nanoseconds.
 */
export class ShownAnswers {
  /** Real ids by shown ones, and the other way round. */
  readonly #real = new Map<string, string>();
  readonly #shown = new Map<string, string>();

  /** What is different; nothing when the answer is as shown. */
  problems(language: string, shown: string, real: string): string[] {
    if (language !== "js") return this.#lines(shown.trim().split("\n"), real.trim().split("\n"));
    const documents = shown.split(/^(?=[{[\d])/m).filter((text) => text.trim() !== "");
    const lines = real.split("\n").filter((line) => line.trim() !== "");
    if (documents.length !== lines.length) return [`shows ${documents.length} documents, not ${lines.length}: ${real}`];
    return documents.flatMap((text, at) => this.#value("answer", parseShown(text), parseReal(lines[at]!)));
  }

  #lines(shown: readonly string[], real: readonly string[]): string[] {
    const isCut = shown.at(-1) === CUT;
    const lines = isCut ? shown.slice(0, -1) : shown;
    if (isCut ? real.length < lines.length : real.length !== lines.length)
      return [`shows ${lines.length} lines, not ${real.length}: ${real.join("\n")}`];
    return lines.flatMap((line, at) => this.#text("line", line, real[at]!));
  }

  #value(where: string, shown: unknown, real: unknown): string[] {
    if (typeof shown === "string" && typeof real === "string") return this.#text(where, shown, real, tokenField(where));
    if (Array.isArray(shown) && Array.isArray(real)) return this.#list(where, shown, real);
    if (isObject(shown) && isObject(real)) return this.#object(where, shown, real);
    return Object.is(shown, real) ? [] : [`${where} is ${JSON.stringify(real)}, not ${JSON.stringify(shown)}`];
  }

  #list(where: string, shown: readonly unknown[], real: readonly unknown[]): string[] {
    const isCut = shown.at(-1) === CUT;
    const entries = isCut ? shown.slice(0, -1) : shown;
    if (isCut ? real.length < entries.length : real.length !== entries.length)
      return [`${where} has ${real.length} entries, not ${entries.length}: ${JSON.stringify(real)}`];
    return entries.flatMap((entry, at) => this.#value(`${where}[${at}]`, entry, real[at]));
  }

  #object(where: string, shown: Readonly<Record<string, unknown>>, real: Readonly<Record<string, unknown>>): string[] {
    const names = Object.keys(shown).filter((name) => name !== CUT);
    const gone = names.filter((name) => !(name in real)).map((name) => `${where}.${name} is not there`);
    const more = CUT in shown ? [] : Object.keys(real).filter((name) => !(name in shown));
    return [
      ...gone,
      ...more.map((name) => `${where}.${name} is not shown: ${JSON.stringify(real[name])}`),
      ...names
        .filter((name) => name in real)
        .flatMap((name) => this.#value(`${where}.${name}`, shown[name], real[name])),
    ];
  }

  #text(where: string, shown: string, real: string, isToken = false): string[] {
    if (isToken && shown !== CUT) return this.#isSameId(shown, real) ? [] : [`${where} is not the one of before`];
    const isCut = shown.endsWith(CUT);
    const text = isCut ? shown.slice(0, -CUT.length) : shown;
    const parts = text.split(volatile);
    const others = real.split(volatile);
    const same = parts.every((part, at) => {
      const other = others[at] ?? "";
      if (at % 2 === 1) return kindOf(part) === kindOf(other) && (!isId(part) || this.#isSameId(part, other));
      return isCut && at === parts.length - 1 ? other.startsWith(part) : other === part;
    });
    const isWhole = isCut || parts.length === others.length;
    return same && isWhole ? [] : [`${where} is ${JSON.stringify(real)}, not ${JSON.stringify(shown)}`];
  }

  #isSameId(shown: string, real: string): boolean {
    if (!this.#real.has(shown) && !this.#shown.has(real)) {
      this.#real.set(shown, real);
      this.#shown.set(real, shown);
    }
    return this.#real.get(shown) === real && this.#shown.get(real) === shown;
  }
}

const CUT = "...";

const kinds: Readonly<Record<string, RegExp>> = {
  uuid: /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/,
  trace: /\b[0-9a-f]{32}\b/,
  span: /\b[0-9a-f]{16}\b/,
  time: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{1,9}Z/,
  nanoseconds: /\b1\d{18}\b/,
};

const volatile = new RegExp(
  `(${Object.values(kinds)
    .map(({ source }) => source)
    .join("|")})`,
);

function kindOf(text: string): string | undefined {
  return Object.keys(kinds).find((name) => new RegExp(`^${kinds[name]!.source}$`).test(text));
}

function isId(text: string): boolean {
  return ["uuid", "trace", "span"].includes(kindOf(text) ?? "");
}

/** Fields whose text means something to the server alone. */
function tokenField(where: string): boolean {
  return /\.(leaseToken|nextPageToken|position)$/.test(where);
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function parseReal(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    // Not JSON, such as a message of curl: it is told as what it is.
    return line;
  }
}

/** JSON with `...`, which becomes a field or entry of that name. */
function parseShown(text: string): unknown {
  const open: string[] = [];
  const json = text.replace(/"(?:[^"\\]|\\.)*"|\.\.\.|[{}[\]]/g, (token) => {
    if (token === "{" || token === "[") open.push(token);
    if (token === "}" || token === "]") open.pop();
    if (token !== CUT) return token;
    return open.at(-1) === "{" ? `"${CUT}": 0` : `"${CUT}"`;
  });
  return JSON.parse(json);
}
