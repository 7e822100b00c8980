/** Calls a parent may make in a child process, by name. */
export type Calls = Record<string, (argument: never) => unknown>;

/** A call on its way to a child. */
export interface CallMessage {
  id: number;
  name: string;
  argument: unknown;
}

/** Its answer on the way back. */
export type AnswerMessage = { id: number; result: unknown } | { id: number; error: string };

/**
 * Serves the calls of the parent process until it hangs up or calls `stop`, then ends this process.
 *
 * `stop` is run in either case, so that no server or runner outlives a benchmark that crashed.
 */
export function serveParent(calls: Calls, stop: () => Promise<void>): void {
  const send = (message: AnswerMessage, sent?: () => void) => process.send?.(message, undefined, undefined, sent);
  let stopping: Promise<void> | undefined;
  const stopOnce = () => {
    stopping ??= stop();
    return stopping;
  };
  process.on("disconnect", () => stopOnce().finally(() => process.exit()));
  // Ctrl-C reaches the whole process group; the parent decides when its children end.
  process.on("SIGINT", () => {});
  process.on("message", async ({ id, name, argument }: CallMessage) => {
    try {
      if (name === "stop") {
        await stopOnce();
        send({ id, result: null }, () => process.exit());
        return;
      }
      const call = calls[name];
      if (!call) throw new Error(`cannot call "${name}": this process has no such call`);
      send({ id, result: (await call(argument as never)) ?? null });
    } catch (error) {
      send({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
}
