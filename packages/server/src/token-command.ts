import { parseArgs } from "node:util";
import { SpanloomError } from "@spanloom/protocol";
import type { Environment } from "./config.ts";
import { createToken } from "./http/token-file.ts";

const usage = `Usage: spanloom-server token create --name <name> --scope <scope,scope> [--tokens-file <file>]

Makes a bearer token, prints it once and appends its hash to the tokens file. Scopes: submit, run, read, admin.
To revoke a token, delete its line; a running server notices within seconds.
`;

const options = {
  name: { type: "string" },
  scope: { type: "string", multiple: true },
  "tokens-file": { type: "string" },
  help: { type: "boolean" },
} as const;

/**
 * Runs `spanloom-server token ...`; gives what is to be printed.
 *
 * Errors: INVALID_FIELD naming what is wrong or missing; INVALID_STATE when the file cannot be read or written.
 */
export function runTokenCommand(args: readonly string[], env: Environment): string {
  const { values, positionals } = parse(args);
  if (values.help) return usage;
  if (positionals.length !== 1 || positionals[0] !== "create")
    throw refuse(`"token ${positionals.join(" ")}" is no command; there is "token create"`);
  const path = values["tokens-file"] ?? env.SPANLOOM_TOKENS_FILE;
  if (!path) throw refuse("--tokens-file or SPANLOOM_TOKENS_FILE is missing");
  if (!values.name) throw refuse("--name is missing");
  if (!values.scope) throw refuse("--scope is missing");
  return `${createToken({ path, name: values.name, scope: values.scope.join(",") })}\n`;
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: true });
  } catch (cause) {
    throw refuse(cause instanceof Error ? (cause.message.split(". ")[0] ?? "") : String(cause), cause);
  }
}

function refuse(why: string, cause?: unknown): SpanloomError {
  const message = `cannot read the command line: ${why}; see spanloom-server token --help`;
  return new SpanloomError("INVALID_FIELD", message, {}, { cause });
}
