import { randomBytes } from "node:crypto";
import { appendFileSync, readFileSync } from "node:fs";
import { SpanloomError } from "@spanloom/protocol";
import { digestOf, type TokenRecord } from "./authorization.ts";
import { isScope, type Scope, scopes } from "./scopes.ts";

/**
 * The tokens file: a line for each token, `name scope,scope sha256:<hex>`; empty lines and lines that begin with `#` are
 * nothing. It holds no token, so reading it lets nobody in; deleting a line revokes the token.
 */

/**
 * The tokens of a file's text.
 *
 * Errors: INVALID_FIELD naming file and line.
 */
export function parseTokens(text: string, path: string): readonly TokenRecord[] {
  const tokens: TokenRecord[] = [];
  const names = new Set<string>();
  text.split(/\r?\n/).forEach((line, index) => {
    if (/^\s*(#|$)/.test(line)) return;
    const where = `${path}:${index + 1}`;
    const token = parseLine(line.trim(), where);
    if (names.has(token.name)) throw refuse(where, `the name "${token.name}" is taken by a line above`);
    names.add(token.name);
    tokens.push(token);
  });
  return tokens;
}

function parseLine(line: string, where: string): TokenRecord {
  const [name = "", scopeList = "", hash = "", ...rest] = line.split(/\s+/);
  const digest = /^sha256:([0-9a-f]{64})$/i.exec(hash)?.[1];
  // A line may hold a token by mistake, so it is not quoted.
  if (!digest || rest.length > 0) throw refuse(where, 'a line must read "name scope,scope sha256:<64 hex digits>"');
  return {
    name: checkName(name, where),
    scopes: parseScopes(scopeList, where),
    digest: Buffer.from(digest, "hex"),
  };
}

/** Scopes from their names, separated by commas. Errors: INVALID_FIELD naming what is none. */
export function parseScopes(text: string, where: string): ReadonlySet<Scope> {
  const names = text.split(",").map((name) => name.trim());
  for (const name of names)
    if (!isScope(name)) throw refuse(where, `"${name}" is no scope; scopes are ${scopes.join(", ")}`);
  return new Set(names as Scope[]);
}

function checkName(name: string, where: string): string {
  if (/^[\w.-]{1,64}$/.test(name)) return name;
  throw refuse(where, `the name "${name}" must be 1 to 64 letters, digits, ".", "_" or "-"`);
}

/** A token to be made. */
export interface NewToken {
  path: string;
  name: string;
  /** Names of scopes, separated by commas. */
  scope: string;
}

/**
 * Makes a token, appends what the server must know of it to the file and gives the token: it is kept nowhere.
 *
 * The file is made when it is missing, readable by its owner alone.
 *
 * Errors: INVALID_FIELD for a name that is malformed or taken and for an unknown scope; INVALID_STATE when the file cannot
 * be read or written.
 */
export function createToken({ path, name, scope }: NewToken, random: (size: number) => Buffer = randomBytes): string {
  checkName(name, "--name");
  const granted = [...parseScopes(scope, "--scope")];
  const text = readIfThere(path);
  if (parseTokens(text, path).some((token) => token.name === name))
    throw refuse("--name", `"${path}" has a token "${name}" already; delete its line first`);
  const token = `sl_${random(32).toString("base64url")}`;
  const line = `${name} ${granted.join(",")} sha256:${Buffer.from(digestOf(token)).toString("hex")}\n`;
  const separator = text === "" || text.endsWith("\n") ? "" : "\n";
  try {
    appendFileSync(path, separator + line, { mode: 0o600 });
  } catch (cause) {
    throw unusable("write", path, cause);
  }
  return token;
}

function readIfThere(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "";
    throw unusable("read", path, cause);
  }
}

function unusable(verb: string, path: string, cause: unknown): SpanloomError {
  const why = cause instanceof Error ? cause.message : String(cause);
  return new SpanloomError("INVALID_STATE", `cannot ${verb} the tokens in "${path}": ${why}`, {}, { cause });
}

function refuse(where: string, why: string): SpanloomError {
  return new SpanloomError("INVALID_FIELD", `cannot use ${where}: ${why}`, { field: where });
}
