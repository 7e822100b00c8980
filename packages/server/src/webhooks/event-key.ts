import { DeliveryRefusal } from "./delivery-refusal.ts";

/** A key of an event made from a delivery: pieces of text and of what was sent. */
export type KeyTemplate = readonly KeyPiece[];

type KeyPiece =
  | { kind: "text"; text: string }
  | { kind: "name" }
  | { kind: "header"; header: string }
  | { kind: "payload"; path: readonly string[] };

/** What a key is made from. */
export interface KeySource {
  name: string;
  header(name: string): string | undefined;
  payload: unknown;
}

const MAX_KEY_LENGTH = 256;
/** Of a value that the sender chooses: an event's type is shorter, and the key keeps room for what follows. */
const MAX_VALUE_LENGTH = 100;
/** Keys of the program's own events, which nobody else may make. */
const RESERVED = /^spanloom(\.|$)/i;
const segment = "[\\w-]+";

/**
 * Reads a template such as `orders.{header.x-topic}.{payload.data.type}`.
 *
 * It begins with a segment of text, so that no sender chooses what its keys begin with. Answers what is wrong with it otherwise.
 */
export function parseKeyTemplate(template: string): KeyTemplate | { problem: string } {
  const pieces: KeyPiece[] = [];
  for (const part of template.split(/(\{[^{}]*\})/).filter((each) => each !== "")) {
    const piece = part.startsWith("{") ? placeholder(part.slice(1, -1)) : text(part);
    if (!piece)
      return {
        problem: `has ${JSON.stringify(part)}, which is neither text of letters, digits, "_", "-" and "." nor {name}, {header.<name>} or {payload.<path>}`,
      };
    pieces.push(piece);
  }
  const [first, ...rest] = pieces;
  const isWhole =
    first?.kind === "text" && /^[\w-]+(\.|$)/.test(first.text) && (first.text.includes(".") || rest.length === 0);
  if (!isWhole) return { problem: "does not begin with a segment of text" };
  if (RESERVED.test(first.text))
    return { problem: 'begins with "spanloom", which is reserved for events of the program' };
  return pieces;
}

function text(part: string): KeyPiece | undefined {
  return /^[\w.-]+$/.test(part) ? { kind: "text", text: part } : undefined;
}

function placeholder(inner: string): KeyPiece | undefined {
  if (inner === "name") return { kind: "name" };
  const header = /^header\.([a-z0-9-]+)$/i.exec(inner)?.[1];
  if (header !== undefined) return { kind: "header", header: header.toLowerCase() };
  const path = new RegExp(`^payload((?:\\.${segment})+)$`).exec(inner)?.[1];
  return path === undefined ? undefined : { kind: "payload", path: path.slice(1).split(".") };
}

/**
 * The key of an event. A value that is absent, or is no text, number or truth value, leaves nothing behind, nor its dot;
 * what cannot stand in a key becomes `_`.
 *
 * Errors: DeliveryRefusal `malformed` when it is too long.
 */
export function renderKey(template: KeyTemplate, source: KeySource): string {
  const key = template
    .map((piece) => (piece.kind === "text" ? piece.text : clean(valueFor(piece, source))))
    .join("")
    .split(".")
    .filter((part) => part !== "")
    .join(".");
  if (key.length <= MAX_KEY_LENGTH) return key;
  throw new DeliveryRefusal("malformed", `its event's key has ${key.length} characters, limit ${MAX_KEY_LENGTH}`);
}

function valueFor(piece: Exclude<KeyPiece, { kind: "text" }>, { name, header, payload }: KeySource): unknown {
  if (piece.kind === "name") return name;
  return piece.kind === "header" ? header(piece.header) : atPath(payload, piece.path);
}

/** What lies at a path; only own properties, as the names are the sender's. */
export function atPath(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null || !Object.hasOwn(at, key)) return undefined;
    at = (at as Record<string, unknown>)[key];
  }
  return at;
}

function clean(value: unknown): string {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "boolean") return "";
  return String(value)
    .slice(0, MAX_VALUE_LENGTH)
    .replace(/[^\w.-]/g, "_");
}
