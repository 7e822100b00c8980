import type { TextSink } from "./config.ts";

/** What of a Node stream matters here. */
interface NodeStream extends TextSink {
  write(text: string, done?: (error?: Error | null) => void): unknown;
  once(event: "error", listener: () => void): unknown;
  removeListener(event: "error", listener: () => void): unknown;
}

/**
 * Writes text; of a Node stream, resolves once it took it, so that no text piles up in front of a slow one.
 *
 * A stream whose reader is gone (`… | head`) emits an error, which ends a process that does not listen: printing must not.
 *
 * Errors: rejects with the stream's error.
 */
export function writeText(stream: TextSink, text: string): Promise<void> {
  if (!isNodeStream(stream)) {
    stream.write(text);
    return Promise.resolve();
  }
  return new Promise((resolve, reject) => {
    stream.once("error", ignore);
    stream.write(text, (error) => {
      // Its error event is still to come.
      if (error) return reject(error);
      stream.removeListener("error", ignore);
      resolve();
    });
  });
}

function isNodeStream(stream: TextSink): stream is NodeStream {
  return "once" in stream && "removeListener" in stream;
}

function ignore(): void {}
