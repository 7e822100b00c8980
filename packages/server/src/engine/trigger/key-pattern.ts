import { checkLimit, invalidField } from "../field.ts";
import { quote } from "../version.ts";

/** Keys and patterns are no longer, in UTF-8. */
export const MAX_KEY_BYTES = 256;

/** More `**` than this mean nothing that fewer could not. */
const MAX_RESTS = 4;

/** Text without dots, stars, spaces, and what cannot be seen. */
const SEGMENT = /^[^\s\p{C}.*]+$/u;

/**
 * Checks the key of an event: segments parted by dots, none of them empty, e.g. `order.paid`.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED naming `field`.
 */
export function checkKey(key: string, field: string): void {
  checkSegments(key, field, (segment) => SEGMENT.test(segment));
}

/** Checks the key of an event from outside: those that begin with `spanloom` are the server's own. Errors: as of {@link checkKey}. */
export function checkPublishedKey(key: string, field: string): void {
  checkKey(key, field);
  if (key !== "spanloom" && !key.startsWith("spanloom.")) return;
  throw invalidField(field, `is ${quote(key)}: keys that begin with spanloom are the server's own`);
}

/**
 * Checks a pattern of keys: a key in which a segment may be `*`, which stands for any one segment, or `**`, for one or more.
 *
 * Errors: INVALID_FIELD, LIMIT_EXCEEDED naming `field`.
 */
export function checkKeyPattern(pattern: string, field: string): void {
  checkSegments(pattern, field, (segment) => segment === "*" || segment === "**" || SEGMENT.test(segment));
  const rests = pattern.split(".").filter((segment) => segment === "**").length;
  checkLimit(field, rests, MAX_RESTS, "segments **");
}

function checkSegments(text: string, field: string, allowed: (segment: string) => boolean): void {
  checkLimit(field, Buffer.byteLength(text), MAX_KEY_BYTES, "bytes");
  const wrong = text.split(".").find((segment) => !allowed(segment));
  if (wrong === undefined) return;
  const problem = wrong === "" ? "a segment is empty" : `${quote(wrong)} is no segment`;
  throw invalidField(field, `is ${quote(text)}: ${problem}`);
}

/** What may follow in the keys that patterns describe. */
interface Node {
  /** After this very segment. */
  readonly texts: Map<string, Node>;
  /** After any segment. */
  any?: Node;
  /** After one segment or more: it is reached again with each further one. */
  rest?: Node;
  readonly isRest: boolean;
  /** Patterns that end here, by their place in the list. */
  readonly patterns: number[];
}

/**
 * Finds the patterns that a key matches, among those of a list, by their places in it.
 *
 * Costs some hundred nanoseconds for a key that was not asked for lately, however many patterns do not match.
 */
export function keyIndex(patterns: readonly string[]): (key: string) => readonly number[] {
  const root = newNode(false);
  for (const [place, pattern] of patterns.entries()) nodeOf(root, pattern).patterns.push(place);
  const known = new Map<string, readonly number[]>();
  return (key) => {
    let found = known.get(key);
    if (found === undefined) {
      found = [...reach([root], key)].flatMap((node) => node.patterns).sort((a, b) => a - b);
      if (known.size >= MAX_KNOWN_KEYS) known.clear();
      known.set(key, found);
    }
    return found;
  };
}

/** Keys are few where events are many. */
const MAX_KNOWN_KEYS = 10_000;

/** Whether a key matches a pattern. */
export function keyMatches(pattern: string, key: string): boolean {
  return keyIndex([pattern])(key).length > 0;
}

/** Whether a pattern matches any of the keys that begin with some segments and a dot, e.g. `spanloom.job.`. */
export function mayMatch(pattern: string, prefix: string): boolean {
  const root = newNode(false);
  nodeOf(root, pattern);
  const nodes = reach([root], prefix.replace(/\.$/, ""));
  return [...nodes].some((node) => node.isRest || node.any || node.rest || node.texts.size > 0);
}

/**
 * A pattern as conditions for a query: what its keys begin with, and a regular expression of literals, `.`, `[^.]` and `*`.
 *
 * Shape: nothing for a pattern of all keys; the expression is of the whole key, and is absent where the beginning suffices.
 */
export function keyQuery(pattern: string): { keyPrefix?: string; keyRegex?: string } {
  const segments = pattern.split(".");
  const wild = segments.findIndex((segment) => segment.startsWith("*"));
  if (wild === -1) return { keyPrefix: pattern, keyRegex: escapeText(pattern) };
  const keyPrefix = segments
    .slice(0, wild)
    .map((segment) => `${segment}.`)
    .join("");
  // Every key that begins so has at least one segment more.
  const prefixSuffices = wild === segments.length - 1 && segments[wild] === "**";
  const keyRegex = segments.map(segmentRegex).join("[.]");
  return { ...(keyPrefix && { keyPrefix }), ...(!prefixSuffices && { keyRegex }) };
}

function segmentRegex(segment: string): string {
  if (segment === "*") return "[^.][^.]*";
  // No segment is empty: what does not begin with a dot and stands between two is one segment or more.
  return segment === "**" ? "[^.].*" : escapeText(segment);
}

function escapeText(text: string): string {
  return text.replace(/[.\\^$*+?()[\]{}|]/g, (character) => (character === "." ? "[.]" : `\\${character}`));
}

function newNode(isRest: boolean): Node {
  return { texts: new Map(), isRest, patterns: [] };
}

/** The node in which a pattern ends, made if need be. */
function nodeOf(root: Node, pattern: string): Node {
  let node = root;
  for (const segment of pattern.split(".")) {
    if (segment === "*") node = node.any ??= newNode(false);
    else if (segment === "**") node = node.rest ??= newNode(true);
    else {
      const next = node.texts.get(segment) ?? newNode(false);
      node.texts.set(segment, next);
      node = next;
    }
  }
  return node;
}

/** Where a key leads to, all ways at once: as many steps as it has segments, whatever the patterns are. */
function reach(from: readonly Node[], key: string): Set<Node> {
  let nodes = new Set(from);
  for (const segment of key.split(".")) {
    const next = new Set<Node>();
    for (const node of nodes) {
      const text = node.texts.get(segment);
      if (text) next.add(text);
      if (node.any) next.add(node.any);
      if (node.rest) next.add(node.rest);
      if (node.isRest) next.add(node);
    }
    nodes = next;
  }
  return nodes;
}
