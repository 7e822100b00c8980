import type { WebhookHmacOptions, WebhookOptions, WebhookSecretOptions, WebhookSnapshot } from "@spanloom/sdk";
import { Command } from "commander";
import { type CliContext, UsageError } from "../cli-context.ts";
import { collect } from "../collect.ts";
import { appendText, oneOf, wholeNumber } from "../flag-values.ts";
import { readText } from "../read-input.ts";
import { wantsJson, withClient } from "../server-options.ts";
import { parseDuration } from "../text/duration-text.ts";
import { factsText } from "../text/facts-text.ts";
import { type TableStyle, tableStyle, textTable } from "../text/text-table.ts";

/** `spanloom webhook`: makes and shows webhooks. */
export function webhookCommand(context: CliContext): Command {
  const command = new Command("webhook").description("take events by HTTP from others: make and show webhooks");
  for (const make of [putCommand, listCommand, getCommand, deleteCommand]) command.addCommand(make(context));
  return command;
}

interface PutFlags {
  scheme: WebhookOptions["scheme"];
  secretEnv?: string[];
  secretFile?: string[];
  header?: string;
  prefix?: string;
  hash?: NonNullable<WebhookHmacOptions["hash"]>;
  encoding?: NonNullable<WebhookHmacOptions["encoding"]>;
  timeHeader?: string;
  idHeader?: string;
  signed?: string;
  secretEncoding?: NonNullable<WebhookHmacOptions["secretEncoding"]>;
  key?: string;
  keep?: string[];
  maxBodyBytes?: number;
  tolerance?: string;
  text?: boolean;
  paused?: boolean;
}

const schemes = ["github", "stripe", "hmac", "none"] as const;

function putCommand(context: CliContext): Command {
  const command = new Command("put")
    .description("make a webhook, or change the one of that name; without secrets it keeps those it has")
    .argument("<name>", "name of the webhook: deliveries go to /hooks/<name>")
    .requiredOption("--scheme <scheme>", `how deliveries are signed: ${schemes.join(", ")}`, oneOf("--scheme", schemes))
    .option(
      "--secret-env <variable>",
      "variable of the server's environment with a secret, may be repeated",
      appendText,
    )
    .option("--secret-file <file>", "file with a secret to store encrypted, or - for the standard input", appendText)
    .option(
      "--key <template>",
      "key of its events, e.g. order.{payload.kind} (default: webhook.<name> and what happened)",
    )
    .option("--keep <header>", "header that becomes metadata, may be repeated", appendText)
    .option("--max-body-bytes <n>", "most bytes of a body (default: 1 MiB)", wholeNumber("--max-body-bytes", 1))
    .option("--tolerance <duration>", "how far a signed time may lie off (default: 5m)")
    .option("--text", "take bodies that are neither JSON nor forms, as one text")
    .option("--paused", "refuse deliveries, to be sent again later");
  return withHmacFlags(command)
    .addHelpText("after", putExamples)
    .action(async (name: string, flags: PutFlags, self: Command) => {
      const options = await readOptions(name, flags, context);
      const put = await withClient(self, context, (client) => client.webhooks.put(options));
      context.stdout.write(wantsJson(self) ? `${JSON.stringify(put)}\n` : webhookText(put.webhook));
    });
}

const putExamples = `
Examples:
  spanloom webhook put code --scheme github --secret-env GITHUB_WEBHOOK_SECRET
  spanloom webhook put shop --scheme hmac --header X-Signature --prefix sha256= --secret-file -
`;

function withHmacFlags(command: Command): Command {
  const hash = oneOf("--hash", ["sha256", "sha384", "sha512"]);
  const encodings = ["hex", "base64"] as const;
  const secretEncoding = oneOf("--secret-encoding", ["text", ...encodings]);
  return command
    .option("--header <name>", "hmac: header of the signature")
    .option("--prefix <text>", "hmac: what stands before it, e.g. sha256=")
    .option("--hash <hash>", "hmac: sha256, sha384 or sha512 (default: sha256)", hash)
    .option("--encoding <encoding>", "hmac: hex or base64 (default: hex)", oneOf("--encoding", encodings))
    .option("--time-header <name>", "hmac: header of the time")
    .option("--id-header <name>", "hmac: header of the delivery's id")
    .option("--signed <template>", "hmac: what is signed, with {body}, {timestamp} and {id} (default: {body})")
    .option("--secret-encoding <encoding>", "hmac: what secrets stand for, text, hex or base64", secretEncoding);
}

async function readOptions(name: string, flags: PutFlags, context: CliContext): Promise<WebhookOptions> {
  const { scheme, key, keep, maxBodyBytes, tolerance, text, paused } = flags;
  const hmac = readHmac(flags);
  const secrets = await readSecrets(flags, context);
  const options = {
    ...{ name, scheme },
    ...(hmac && { hmac }),
    ...(secrets.length > 0 && { secrets }),
    ...(key !== undefined && { key }),
    ...(keep && { headers: keep }),
    ...(maxBodyBytes !== undefined && { maxBodyBytes }),
    ...(tolerance !== undefined && { tolerance: parseDuration(tolerance, "--tolerance") }),
    ...(text && { acceptText: true }),
    ...(paused && { paused }),
  };
  // What does not go with the scheme is refused by the server, by name.
  return options as WebhookOptions;
}

function readHmac(flags: PutFlags): WebhookHmacOptions | undefined {
  const { header, prefix, hash, encoding, timeHeader, idHeader, signed, secretEncoding } = flags;
  const rest = {
    ...(prefix !== undefined && { prefix }),
    ...(hash && { hash }),
    ...(encoding && { encoding }),
    ...(timeHeader !== undefined && { timestampHeader: timeHeader }),
    ...(idHeader !== undefined && { idHeader }),
    ...(signed !== undefined && { signed }),
    ...(secretEncoding && { secretEncoding }),
  };
  if (header !== undefined) return { signatureHeader: header, ...rest };
  if (flags.scheme === "hmac" || Object.keys(rest).length > 0)
    throw new UsageError("cannot put a webhook: --header must name the header of the signature, with --scheme hmac");
  return undefined;
}

/** Secrets are never given on the command line, where other users of the machine can read them. */
async function readSecrets(flags: PutFlags, context: CliContext): Promise<WebhookSecretOptions[]> {
  const { secretEnv = [], secretFile = [] } = flags;
  const stored = await Promise.all(
    secretFile.map(async (file) => {
      const text = await readText(file === "-" ? file : `@${file}`, context, "--secret-file");
      return { value: text.replace(/\r?\n$/, "") };
    }),
  );
  return [...secretEnv.map((env) => ({ env })), ...stored];
}

function listCommand(context: CliContext): Command {
  return new Command("list")
    .description("list webhooks by name, without their secrets")
    .option("--limit <n>", "most to list", wholeNumber("--limit", 1), 100)
    .addHelpText("after", "\nExamples:\n  spanloom webhook list\n")
    .action(async ({ limit }: { limit: number }, command: Command) => {
      const found = await withClient(command, context, (client) => collect(client.webhooks.list({ limit })));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(found)}\n` : listText(found, tableStyle(context)));
    });
}

function getCommand(context: CliContext): Command {
  return new Command("get")
    .description("show a webhook, without its secrets")
    .argument("<name>", "name of the webhook")
    .addHelpText("after", "\nExamples:\n  spanloom webhook get code\n")
    .action(async (name: string, _flags: object, command: Command) => {
      const webhook = await withClient(command, context, (client) => client.webhooks.get(name));
      context.stdout.write(wantsJson(command) ? `${JSON.stringify(webhook)}\n` : webhookText(webhook));
    });
}

function deleteCommand(context: CliContext): Command {
  return new Command("delete")
    .description("delete a webhook; its events stay")
    .argument("<name>", "name of the webhook")
    .addHelpText("after", "\nExamples:\n  spanloom webhook delete code\n")
    .action(async (name: string, _flags: object, command: Command) => {
      const deleted = await withClient(command, context, (client) => client.webhooks.delete(name));
      const text = deleted ? "Deleted." : "There was no webhook of this name.";
      context.stdout.write(`${wantsJson(command) ? JSON.stringify({ deleted }) : text}\n`);
    });
}

function webhookText(webhook: WebhookSnapshot): string {
  const { hmac } = webhook;
  return factsText([
    ["webhook", webhook.name],
    ["path", webhook.path],
    ["scheme", webhook.scheme],
    ["header", hmac ? `${hmac.signatureHeader}: ${hmac.prefix ?? ""}<${hmac.hash} ${hmac.encoding}>` : ""],
    ["signed", hmac?.signed ?? ""],
    ["key", webhook.key],
    ["secrets", secretsText(webhook)],
    ["keeps", webhook.headers.join(", ")],
    ["paused", webhook.paused ? "yes" : ""],
  ]);
}

function secretsText({ secretEnv, storedSecrets }: WebhookSnapshot): string {
  return [...secretEnv, ...(storedSecrets > 0 ? [`${storedSecrets} stored`] : [])].join(", ");
}

function listText(found: readonly WebhookSnapshot[], style: TableStyle): string {
  if (found.length === 0) return "No webhooks.\n";
  return textTable(
    found,
    [
      { title: "WEBHOOK", value: ({ name }) => name },
      { title: "SCHEME", value: ({ scheme }) => scheme },
      { title: "KEY", value: ({ key }) => key, shrink: true },
      { title: "SECRETS", value: secretsText, shrink: true, spare: true },
      { title: "PAUSED", value: ({ paused }) => (paused ? "yes" : "") },
    ],
    style,
  );
}
