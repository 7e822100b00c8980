import { Client, connect } from "@spanloom/sdk";
import { collect } from "./collect.ts";
import { readRunners } from "./commands/runner-list.ts";
import type { CompletedKind, CompletionWord } from "./completion-words.ts";

/** Longest wait for a server while somebody waits for a completion. */
const PATIENCE_MS = 1_500;
/** Most names of a kind: more cannot be chosen from. */
const MOST = 50;

/** Names of a kind that the server has, the newest or the first by name. Errors: as calls of the SDK. */
export async function readNames(
  kind: CompletedKind,
  server: { url?: string; token?: string },
): Promise<CompletionWord[]> {
  if (kind === "runners" || kind === "tasks") return fromRunners(kind, server);
  using client = new Client({ ...server, timeoutMs: PATIENCE_MS, retry: { maxAttempts: 1 } });
  return (await read(kind, client)).slice(0, MOST);
}

async function read(kind: Exclude<CompletedKind, "runners" | "tasks">, client: Client): Promise<CompletionWord[]> {
  switch (kind) {
    case "jobs": {
      const jobs = await collect(client.jobs.list({ limit: MOST }));
      return jobs.map(({ id, name, state }) => ({ word: id, description: `${name} ${state}` }));
    }
    case "queues": {
      const queues = await client.jobs.queues();
      return queues.map(({ queue, queued }) => ({ word: queue, description: `${queued} queued` }));
    }
    case "schedules":
      return (await collect(client.schedules.list({ limit: MOST }))).map(named);
    case "triggers":
      return (await collect(client.triggers.list({ limit: MOST }))).map(named);
    case "webhooks":
      return (await collect(client.webhooks.list({ limit: MOST }))).map(named);
  }
}

function named({ name, description }: { name: string; description: string }): CompletionWord {
  return { word: name, description };
}

async function fromRunners(
  kind: "runners" | "tasks",
  server: { url?: string; token?: string },
): Promise<CompletionWord[]> {
  const connection = connect({ ...server, timeoutMs: PATIENCE_MS });
  try {
    const runners = await readRunners(connection);
    if (kind === "runners") return runners.map(({ id, host, pid }) => ({ word: id, description: `${host}:${pid}` }));
    const tasks = new Set(runners.flatMap((runner) => runner.tasks.map((task) => task.split("@")[0] ?? "")));
    return [...tasks].sort().map((word) => ({ word, description: "" }));
  } finally {
    connection.close();
  }
}
