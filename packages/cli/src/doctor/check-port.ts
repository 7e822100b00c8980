import { once } from "node:events";
import { createServer } from "node:net";
import type { CliContext } from "../cli-context.ts";
import { addressText, isSpanloomAt } from "../is-spanloom-at.ts";
import { type Finding, finding } from "./finding.ts";

/** Checks whether a server that is started here could listen where it would. */
export async function checkPort({ env }: CliContext): Promise<Finding> {
  const host = env.SPANLOOM_HOST || "127.0.0.1";
  const port = Number(env.SPANLOOM_PORT || 7171);
  const at = addressText(host, port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535)
    return finding("port", "failed", `SPANLOOM_PORT "${env.SPANLOOM_PORT}" is no port`, "Set it to 0..65535.");
  const code = await tryToListen(host, port);
  if (code === undefined) return finding("port", "ok", `${at} is free: a server started here listens there`);
  if (code !== "EADDRINUSE")
    return finding(
      "port",
      "failed",
      `no server can listen on ${at}: ${code}`,
      "Correct SPANLOOM_HOST or SPANLOOM_PORT.",
    );
  if (await isSpanloomAt(host, port)) return finding("port", "ok", `a Spanloom server has ${at}`);
  const hint = `Start a server with another --port, or see who has it with: lsof -i :${port}`;
  return finding("port", "warning", `another program has ${at}`, hint);
}

/** What keeps from listening there; undefined when nothing does. */
async function tryToListen(host: string, port: number): Promise<string | undefined> {
  const server = createServer();
  try {
    server.listen(port, host);
    await once(server, "listening");
    return undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? String(error);
  } finally {
    server.close();
  }
}
