import { connect } from "@spanloom/sdk";
import type { CliContext } from "../cli-context.ts";
import { checkPort } from "./check-port.ts";
import { checkServer } from "./check-server.ts";
import { checkSurroundings } from "./check-surroundings.ts";
import { type Finding, finding, type Report } from "./finding.ts";

/**
 * Checks this machine, then the server; what cannot be looked at because something else failed is `skipped`.
 *
 * Errors: INVALID_FIELD when the URL is none; nothing else that goes wrong is thrown.
 */
export async function checkHealth(
  { url: given, token }: { url?: string; token?: string },
  context: CliContext,
): Promise<Report> {
  const connection = connect({ url: given, token, timeoutMs: 10_000 });
  const { url } = connection;
  try {
    const checks: Finding[] = [
      ...(await checkSurroundings(context)),
      await checkPort(context),
      configuration({ url, given, token, env: context.env }),
      ...(await checkServer({ connection, token, context })),
    ];
    return { ok: !checks.some(({ state }) => state === "failed"), url, checks };
  } finally {
    connection.close();
  }
}

interface Configuration {
  url: string;
  given: string | undefined;
  token: string | undefined;
  env: CliContext["env"];
}

function configuration({ url, given, token, env }: Configuration): Finding {
  const source = given === undefined ? "the default" : given === env.SPANLOOM_URL ? "SPANLOOM_URL" : "--url";
  const message = `server ${url} (${source}), ${token ? "with a token" : "without a token"}`;
  const { protocol, hostname } = new URL(url);
  const exposed = token && protocol === "http:" && !["127.0.0.1", "localhost", "[::1]"].includes(hostname);
  if (!exposed) return finding("configuration", "ok", message);
  return finding("configuration", "warning", `${message} that travels unencrypted`, "Use an https:// URL.");
}
